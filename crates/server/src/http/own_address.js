// Whether a page can change anything where it was opened, as `cross_site.rs` decides it for what the page sends.

/**
 * Whether this page was opened at an address from which the server takes nothing: another than its own, and not that of
 * this machine either. Then it says so before the user clicks.
 */
function isElsewhere() {
  const own = document.body.dataset.baseUrl;
  if (!own || location.origin === new URL(own).origin) return false;
  const isBare = /^(localhost|[\d.]+|\[.*\])$/.test(location.hostname);
  return !(isBare && location.protocol === "http:");
}

/** Says so in an element, with a link to the same page at the server's own address. */
function tellElsewhere(shown) {
  const own = new URL(document.body.dataset.baseUrl);
  const page = document.createElement("a");
  page.textContent = own.origin;
  page.href = own.origin + location.pathname + location.search + location.hash;
  const why = `You opened this page at ${location.origin}. To sign in, and to change anything, open it at the server's own address: `;
  shown.replaceChildren(why, page);
  shown.hidden = false;
}
