// Sets Swagger UI up: groups closed, a filter that knows all words, and no credentials that outlive the page.
"use strict";

const all = new URLSearchParams(location.search).get("operations") === "all";

for (const link of document.querySelectorAll("[data-operations]")) {
  if ((link.dataset.operations === "all") === all) link.setAttribute("aria-current", "page");
  // The operation that is open stays open.
  link.addEventListener("click", () => (link.hash = location.hash));
}

if (isElsewhere()) tellElsewhere(document.getElementById("elsewhere"));

/** Everything that a reader may remember of an operation. */
const wordsOf = (group, shown) => {
  const operation = shown.get("operation");
  const told = ["operationId", "summary", "description"].map((name) => operation.get(name) ?? "");
  return [group, shown.get("method"), shown.get("path"), ...told].join(" ").toLowerCase();
};

/** The operations that have all the words, in their groups. */
const withWords = (groups, phrase) => {
  const wanted = phrase.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (group) => (shown) => wanted.every((word) => wordsOf(group, shown).includes(word));
  return groups
    .map((content, group) => content.update("operations", (operations) => operations.filter(matches(group))))
    .filter((content) => content.get("operations").size > 0);
};

const isFiltered = (filter) => typeof filter === "string" && filter.trim() !== "";

const ourWays = ({ React }) => ({
  fn: { opsFilter: withWords },
  wrapComponents: {
    // There is one server, this one.
    ServersContainer: () => () => null,
    // What was found is shown, unless its group was closed by hand.
    OperationTag: (Original) => (props) => {
      const shown = isFiltered(props.layoutSelectors.currentFilter())
        ? { ...props, getConfigs: () => ({ ...props.getConfigs(), docExpansion: "list" }) }
        : props;
      return React.createElement(Original, shown);
    },
    // Each field of the dialog asks for the cursor, and the last would get it.
    authorizationPopup: (Original) => (props) => {
      React.useEffect(() => document.querySelector("[aria-label='auth-basic-username']")?.focus(), []);
      return React.createElement(Original, props);
    },
  },
  components: {
    FilterContainer: ({ layoutSelectors, layoutActions }) => {
      const filter = layoutSelectors.currentFilter();
      return React.createElement(
        "div",
        { className: "filter-container wrapper" },
        React.createElement("input", {
          className: "operation-filter-input",
          type: "search",
          placeholder: "Filter by any word",
          "aria-label": "Filter operations by any word",
          value: typeof filter === "string" ? filter : "",
          onChange: ({ target }) => layoutActions.updateFilter(target.value || true),
        }),
      );
    },
  },
});

/** A link to an operation that this server does not answer leads to it among those of all roles. */
const showLinked = (ui) => {
  const linked = decodeURIComponent(location.hash.split("/")[2] ?? "");
  if (all || linked === "") return;
  const paths = Object.values(ui.specSelectors.specJson().toJS().paths ?? {});
  const here = paths.some((item) => Object.values(item).some(({ operationId }) => operationId === linked));
  if (!here) location.search = "?operations=all";
};

// Earlier versions of this server let Swagger UI write credentials down.
localStorage.removeItem("authorized");

const ui = SwaggerUIBundle({
  url: `../openapi/heliostat.json?operations=${all ? "all" : "served"}`,
  dom_id: "#swagger-ui",
  // Without the bar that asks for other documents: this server has one.
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [ourWays],
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  displayOperationId: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  // Otherwise browsers answer a 401 with a dialog of their own, and Swagger UI waits for its end.
  requestInterceptor: (request) => Object.assign(request, { credentials: "omit" }),
  onComplete: () => showLinked(ui),
});
