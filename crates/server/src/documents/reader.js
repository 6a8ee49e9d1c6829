// Shows the contract in Redoc, in the colours of the reader's choice.
"use strict";

const all = new URLSearchParams(location.search).get("operations") === "all";

for (const link of document.querySelectorAll("[data-operations]")) {
  if ((link.dataset.operations === "all") === all) link.setAttribute("aria-current", "page");
}

Redoc.init(
  `heliostat-3.1.json?operations=${all ? "all" : "served"}`,
  { hideDownloadButton: true, scrollYOffset: ".documents-bar", sortTagsAlphabetically: false },
  document.getElementById("reader"),
);
