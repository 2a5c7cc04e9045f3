
// Hints: what titles hold, shown at once, and in drawings by arrow keys too.
const titleOf = (mark) => [...mark.children].find((child) => child.localName === "title");
const hintOf = (mark) => {
  const title = titleOf(mark);
  if (title) {
    mark.dataset.hint = title.textContent.trim();
    title.remove(); // or the browser would show it a second time
  } else if (mark.title) {
    mark.dataset.hint = mark.title;
    mark.removeAttribute("title");
  }
  return mark.dataset.hint;
};

function addHints() {
  const tip = make("div", { className: "tip", hidden: true, role: "status" });
  document.body.append(tip);
  const hide = () => {
    tip.hidden = true;
    for (const mark of all(".marked")) mark.classList.remove("marked");
  };
  const show = (mark, x, y) => {
    hide();
    tip.textContent = hintOf(mark);
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 12, root.clientWidth - width - 4))}px`;
    tip.style.top = `${y + 18 + height > innerHeight ? Math.max(4, y - height - 10) : y + 18}px`;
  };
  document.addEventListener("pointerover", ({ target, clientX, clientY }) => {
    let mark = target;
    while (mark instanceof Element && !(mark.localName !== "svg" && hintOf(mark))) mark = mark.parentNode;
    if (mark instanceof Element) show(mark, clientX, clientY);
    else hide();
  });
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  document.addEventListener("scroll", hide, { capture: true, passive: true });

  for (const drawing of all(".drawing")) {
    const marks = all("svg title", drawing).map((title) => title.parentNode).filter((mark) => mark.localName !== "svg");
    if (!marks.length) continue;
    let at = -1;
    drawing.classList.add("stepped");
    drawing.append(make("p", { className: "unseen", textContent: "Arrow keys step through the values." }));
    drawing.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      at = (at + step + marks.length + (at < 0 && step < 0)) % marks.length;
      marks[at].scrollIntoView({ block: "nearest", inline: "nearest" });
      const box = marks[at].getBoundingClientRect();
      requestAnimationFrame(() => {
        show(marks[at], box.right, box.bottom - 12);
        marks[at].classList.add("marked");
      });
    });
    drawing.addEventListener("blur", hide);
  }
}
