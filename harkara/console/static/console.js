// Small helpers of the pages. Everything works without them.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = button.dataset.copied;
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
});
document.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-select]")) event.target.select();
});
for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
// On a phone the navigation is one line that scrolls: the present page is in sight.
document.querySelector("nav.pages [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
}
document.addEventListener("change", (event) => {
  const input = event.target;
  if (!input.matches("input[data-most]")) return;
  const tooLarge = [...input.files].some((file) => file.size > Number(input.dataset.most));
  input.setCustomValidity(tooLarge ? input.dataset.tooLarge : "");
  input.reportValidity();
});
document.addEventListener("input", ({ target }) => {
  if (target.value && target.dataset.checks) document.getElementById(target.dataset.checks).checked = true;
});
for (const text of document.querySelectorAll("[data-count]")) {
  const count = () => { document.getElementById(text.dataset.count).textContent = text.value ? text.value.length : ""; };
  text.addEventListener("input", count);
  count();
}
// What a person chose or wrote before htmx listened, or the browser restored: its event is lost.
const isChanged = (control) => {
  if (control.matches("[type=checkbox], [type=radio]")) return control.checked !== control.defaultChecked;
  if (!control.matches("select")) return control.value !== control.defaultValue;
  return control.selectedIndex !== Math.max(0, [...control.options].findIndex((option) => option.defaultSelected));
};
document.addEventListener("htmx:after:init", ({ target }) => {
  const controls = [...target.querySelectorAll("select, input")];
  if (target.matches("select")) controls.push(target);
  if (controls.some(isChanged)) target.dispatchEvent(new Event("change", { bubbles: true }));
});
// A form is sent once until its answer is there: a second click would lose the answer to the first one.
const sent = new Set();
if (window.navigation) {
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || !event.target.matches("[method=post]:not([data-file])")) return;
    if (sent.has(event.target)) event.preventDefault();
    sent.add(event.target);
  });
  navigation.addEventListener("navigateerror", () => sent.clear()); // a person stopped it
  addEventListener("pageshow", () => sent.clear());
}
// The end of a session takes away nothing that is written: the person copies it first.
document.addEventListener("htmx:before:response", (event) => {
  const main = document.getElementById("main");
  const { redirect } = event.detail.ctx.hx;
  const written = [...main.querySelectorAll("form[method=post] :is(input, textarea)")].find(isChanged);
  if (!redirect || !written) return;
  event.preventDefault();
  if (main.querySelector(".ended")) return;
  const note = Object.assign(document.createElement("p"), { className: "ended problem", role: "alert" });
  note.append(Object.assign(document.createElement("a"), { href: redirect, textContent: main.dataset.ended }));
  written.form.prepend(note);
});
// Between press and release a replaced link would lose its click: what refreshes by itself waits for its next turn.
let pressed = false;
document.addEventListener("pointerdown", ({ button }) => { pressed = button === 0; });
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => { pressed = false; });
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx, tasks } = event.detail;
  const refreshes = ctx.sourceElement.matches("[hx-trigger^=every]");
  // The page of an error has no such part: it replaces none, and is shown where a person waits for the part.
  const isMissing = ctx.select && !tasks.some(({ type, fragment }) => type === "main" && fragment.childElementCount);
  if (isMissing || (refreshes && pressed)) event.preventDefault();
  const isAwaited = ctx.response.status < 500 || ctx.sourceElement.matches("[aria-busy]");
  if (isMissing && !refreshes && isAwaited) location.replace(ctx.request.action);
});
