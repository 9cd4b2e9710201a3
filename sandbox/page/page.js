// Keeps the page current: polls once a second, replaces only the parts that changed, keeps focus and scroll position.
"use strict";

const body = document.body;
const panel = document.getElementById("faults");
const panelButton = document.getElementById("faults-button");
const shown = new Map();
const reply = document.getElementById("reply");
const words = document.getElementById("words");
const headers = { "Content-Type": "application/json" };
let pressed = false; // between press and release, a replaced button would lose its click

function scrollToEnd() {
  const bubbles = document.getElementById("bubbles");
  if (bubbles) bubbles.scrollTop = bubbles.scrollHeight;
}

function replacePart(id, html) {
  const part = document.getElementById(id);
  if (shown.get(id) === html) return;
  const bubbles = part.querySelector("#bubbles");
  const atEnd = !bubbles || bubbles.scrollHeight - bubbles.scrollTop - bubbles.clientHeight < 80;
  const place = bubbles ? bubbles.scrollTop : 0;
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  part.innerHTML = html; // rendered and escaped by the server
  shown.set(id, html);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  if (id !== "thread") return;
  if (atEnd) scrollToEnd();
  else document.getElementById("bubbles")?.scrollTo(0, place);
}

async function refresh() {
  const query = new URLSearchParams({ seen: body.dataset.version, with: body.dataset.with });
  const response = await fetch(`/live?${query}`);
  if (response.status !== 200) return;
  const now = await response.json();
  if (pressed) return; // the next poll gets the same parts, since the version stays
  body.dataset.version = now.version;
  body.dataset.with = now.with;
  for (const [id, html] of Object.entries(now.parts)) replacePart(id, html);
  reply.hidden = !document.getElementById("bubbles");
}

async function poll() {
  try {
    if (!document.hidden) await refresh();
    body.classList.remove("away");
  } catch {
    body.classList.add("away");
  }
  setTimeout(poll, 1000);
}

document.addEventListener("change", async ({ target }) => {
  if (!target.dataset.switch) return;
  const value = JSON.parse(target.checked ? target.dataset.on : target.dataset.off);
  await fetch("/_sandbox/faults", { method: "PATCH", headers, body: JSON.stringify({ [target.dataset.switch]: value }) });
  await refresh();
});

document.addEventListener("click", async ({ target }) => {
  if (!target.dataset.delete) return;
  await fetch(target.dataset.delete, { method: "DELETE" });
  await refresh();
});

async function writeAsCustomer(fields) {
  const text = JSON.stringify({ with: body.dataset.with, ...fields });
  await fetch("/_sandbox/customer", { method: "POST", headers, body: text });
  await refresh();
  scrollToEnd();
}

reply.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = words.value;
  words.value = "";
  if (text.trim()) await writeAsCustomer({ text });
});

document.addEventListener("click", async ({ target }) => {
  const { tap, title } = target.dataset;
  if (tap) await writeAsCustomer({ reply_id: tap, title });
});

document.addEventListener("pointerdown", ({ button }) => {
  pressed = button === 0;
});

for (const end of ["pointerup", "pointercancel"]) {
  document.addEventListener(end, () => {
    pressed = false;
  });
}

panelButton.addEventListener("click", () => {
  const open = panel.classList.toggle("open");
  panelButton.setAttribute("aria-expanded", String(open));
  if (open) panel.querySelector("input")?.focus();
});

document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && panel.classList.contains("open")) panelButton.click();
});

scrollToEnd();
poll();
