"use strict";

const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

document.addEventListener("DOMContentLoaded", () => {
  const tools = document.getElementById("_tools");
  addFoldButton(tools);
  addThemeButton(tools);
  for (const table of all("table")) {
    makeFilterable(table);
    makeSortable(table);
  }
  addHints();
  watchScrolling();
  addCopyButtons();
  markCurrentSection();
});

function addFoldButton(tools) {
  const folds = all("main details");
  if (!folds.length) return;
  const button = make("button", { type: "button", textContent: "Unfold all" });
  button.onclick = () => {
    const open = button.textContent === "Unfold all";
    for (const fold of folds) fold.open = open;
    button.textContent = open ? "Fold all" : "Unfold all";
  };
  tools.append(button);
}

function addCopyButtons() {
  for (const block of all(".code")) {
    const button = make("button", { type: "button", textContent: "Copy" });
    button.onclick = async () => {
      const code = block.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    };
    block.append(button);
  }
}

function markCurrentSection() {
  const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
  const watcher = new IntersectionObserver((changes) => {
    for (const { target, isIntersecting } of changes) {
      if (isIntersecting) links.get(target.id).setAttribute("aria-current", "true");
      else links.get(target.id).removeAttribute("aria-current");
    }
  }, { rootMargin: "-20% 0px -75%" });
  for (const id of links.keys()) watcher.observe(document.getElementById(id));
}
