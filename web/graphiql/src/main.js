import { GraphiQL } from "graphiql";
import { createElement } from "react";
import { createRoot } from "react-dom/client";

// The page and the service share one path (a browser's GET is answered with this page), so whatever
// prefix a proxy puts before it stays right.
const endpoint = window.location.pathname;

const welcome = `# 支部 · GraphiQL
#
# 在下方 Headers 中粘贴令牌，按 Ctrl+Enter 执行：
# Paste a token under Headers, run with Ctrl+Enter:
#
#   { "Authorization": "Bearer eyJ…" }
#
# 打印令牌 · To print one: zhibu token --role ROLE

{
  __typename
}
`;

/** GraphQL over HTTP: refusals come as JSON too, so the body is shown whatever the status. */
async function fetcher(params, options) {
  const response = await fetch(endpoint, {
    method: "POST",
    credentials: "same-origin",
    headers: {
      accept: "application/graphql-response+json, application/json;q=0.9",
      "content-type": "application/json",
      ...options?.headers,
    },
    body: JSON.stringify(params),
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [{ message: `HTTP ${response.status}: ${text.slice(0, 500)}` }] };
  }
}

createRoot(document.getElementById("graphiql")).render(
  createElement(GraphiQL, {
    fetcher,
    defaultQuery: welcome,
    defaultEditorToolsVisibility: "headers",
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: true,
  }),
);
