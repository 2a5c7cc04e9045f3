
// Theme: the system's unless the reader chose. A browser may refuse to store the choice.
const THEME = "fairbench-theme";
const stored = () => {
  try { return localStorage.getItem(THEME); } catch { return null; }
};
const store = (theme) => {
  try { localStorage.setItem(THEME, theme); } catch { /* it then lasts as long as the page */ }
};
const system = matchMedia("(prefers-color-scheme: dark)");
const dark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
if (["light", "dark"].includes(stored())) root.dataset.theme = stored(); // before first paint

function addThemeButton(tools) {
  const button = make("button", { type: "button", textContent: "Dark" });
  const show = () => button.setAttribute("aria-pressed", dark());
  button.onclick = () => {
    root.dataset.theme = dark() ? "light" : "dark";
    store(root.dataset.theme);
    show();
  };
  system.onchange = show;
  show();
  tools.append(button);
}
