"use strict";
// The page's own script, as the Content-Security-Policy takes none in the page. What it shows stands in its element.
{
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  follow();
  dark.addEventListener("change", follow);

  SwaggerUIBundle({
    url: new URL(document.currentScript.dataset.document, location.href).href,
    dom_id: "#page",
    deepLinking: true,
    displayRequestDuration: true,
    filter: true,
    tryItOutEnabled: true,
    validatorUrl: null,  // the document goes to nobody
  });
}
