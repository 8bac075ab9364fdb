// Leads a page whose sign-in has ended back to the sign-in page, so that nobody's records stay on an
// unattended screen, and warns a minute before. Keys and clicks count as use even while nothing is
// sent, so a long entry does not end in the middle of a word.
"use strict";
// Streamlit would look for its server under the page's own address first, and be told 404.
window.__streamlit = { BACKEND_BASE_URL: location.origin };
(() => {
  const EVERY = 15_000;
  const WARN_BELOW = 60;
  const warning = document.currentScript.dataset.warning;
  let used = false;
  let banner = null;

  const leave = () => {
    const next = encodeURIComponent(location.pathname + location.search);
    location.replace(`/login?ended=1&next=${next}`);
  };

  const warn = (shown) => {
    if (shown && !banner) {
      banner = document.createElement("div");
      banner.setAttribute("role", "alert");
      banner.style.cssText = "position:fixed;inset:auto 1rem 1rem auto;z-index:1000000;" +
        "max-width:24rem;padding:1rem;border-radius:.5rem;background:#fdf1d8;color:#4a3404;" +
        "box-shadow:0 4px 16px rgb(0 0 0/.25);font:1rem/1.4 system-ui,sans-serif";
      document.body.append(banner);
      banner.textContent = warning;
    } else if (!shown && banner) {
      banner.remove();
      banner = null;
    }
  };

  const ask = async () => {
    const wasUsed = used;
    used = false;
    let answer;
    try {
      answer = await fetch("/session", { method: wasUsed ? "POST" : "GET", cache: "no-store" });
    } catch {
      used = used || wasUsed;  // The server is away; Streamlit says so itself.
      return;
    }
    if (answer.status === 401) { leave(); return; }
    if (!answer.ok) { used = used || wasUsed; return; }
    warn((await answer.json()).seconds_left <= WARN_BELOW);
  };

  for (const event of ["keydown", "pointerdown", "wheel", "touchstart"]) {
    addEventListener(event, () => { used = true; if (banner) ask(); },
      { passive: true, capture: true });
  }
  setInterval(ask, EVERY);
  addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  addEventListener("pageshow", (event) => { if (event.persisted) ask(); });
})();
