// The reference page: which version is shown, and with which key its requests are tried. The key stays in this page's
// memory: it is not stored, and gone with the page.
"use strict";

(() => {
  const versions = document.getElementById("docs-version");
  const key = document.getElementById("docs-key");
  const base = location.pathname.replace(/\/docs\/?$/, "");
  let ui = null;
  let known = false; // whether this `ui` was given a key

  // `/docs#2025-08-20` opens at that version.
  const wished = decodeURIComponent(location.hash.slice(1));
  if ([...versions.options].some((option) => option.value === wished)) versions.value = wished;

  function authorize() {
    const given = key.value.trim();
    if (ui && given) ui.preauthorizeApiKey("ApiKey", given);
    else if (known) ui.authActions.logout(["ApiKey"]);
    known = Boolean(ui && given);
  }

  // What is tried must be answered in the version that is read about.
  function ask(request) {
    const names = Object.keys(request.headers || {}).map((name) => name.toLowerCase());
    if (!request.loadSpec && !names.includes("accept-version")) request.headers["Accept-Version"] = versions.value;
    return request;
  }

  async function show() {
    const version = versions.value;
    const place = `${base}/openapi/${version}`;
    document.getElementById("docs-json").href = `${place}.json`;
    document.getElementById("docs-yaml").href = `${place}.yaml`;
    const answer = await fetch(`${place}.json`);
    const spec = await answer.json();
    if (version !== versions.value) return; // another was chosen meanwhile
    // This page's own address first: a browser asks other origins only where they allow it.
    const here = location.origin + base;
    spec.servers = [{ url: here }, ...spec.servers.filter((server) => server.url !== here)];
    known = false;
    ui = SwaggerUIBundle({
      spec,
      domNode: document.getElementById("docs-reference"),
      deepLinking: false,
      displayOperationId: true,
      defaultModelsExpandDepth: 0,
      docExpansion: "list",
      persistAuthorization: false,
      validatorUrl: null,
      requestInterceptor: ask,
      onComplete: authorize,
    });
  }

  versions.addEventListener("change", show);
  key.addEventListener("input", authorize);
  show();
})();
