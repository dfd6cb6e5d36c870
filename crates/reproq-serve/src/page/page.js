// Keeps the page current: the server announces each observation, and this script fetches the page and replaces its live parts.
"use strict";

const link = document.getElementById("link");
const pause = document.getElementById("pause");
const filter = document.getElementById("filter");
let isPaused = false;
let isStale = false;
let isFetching = false;

function show(text) {
  if (link.textContent !== text) link.textContent = text;
}

function applyFilter() {
  const wanted = filter.value.trim().toLowerCase();
  for (const row of document.querySelectorAll("[data-rows] > tr")) {
    row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
  }
}

function replaceParts(next) {
  document.title = next.title;
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = next.getElementById(part.id);
    if (!other) continue;
    // A filter hides rows, which is not a difference.
    const copy = part.cloneNode(true);
    for (const row of copy.querySelectorAll("tr[hidden]")) row.removeAttribute("hidden");
    if (copy.innerHTML !== other.innerHTML) part.replaceChildren(...document.importNode(other, true).childNodes);
  }
  applyFilter();
}

async function refresh() {
  if (isPaused || document.hidden || isFetching) {
    isStale = true;
    return;
  }
  isFetching = true;
  isStale = false;
  try {
    const response = await fetch(location.href, { cache: "no-store", redirect: "manual" });
    if (!response.ok) {
      // The session may have ended: the server then shows how to sign in.
      show(response.type === "opaqueredirect" || response.status === 401 ? "Signed out: reload the page" : "Server error");
      return;
    }
    replaceParts(new DOMParser().parseFromString(await response.text(), "text/html"));
    show("Live");
  } catch {
    show("Reconnecting");
  } finally {
    isFetching = false;
    resume();
  }
}

function resume() {
  if (isStale && !isPaused && !document.hidden) refresh();
}

const events = new EventSource("events?observations=1");
events.addEventListener("open", () => { show(isPaused ? "Paused" : "Live"); refresh(); });
events.addEventListener("error", () => show("Reconnecting"));
events.addEventListener("observation", refresh);
document.addEventListener("visibilitychange", resume);
filter.addEventListener("input", applyFilter);
document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  show(isPaused ? "Paused" : "Live");
  resume();
});
document.getElementById("controls").hidden = false;
