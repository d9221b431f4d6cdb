// Runs every server audit of the npm package graphql-http (MUST, SHOULD and MAY alike).
//
//   node audit.mjs http://127.0.0.1:8080/graphql [token]
//
// Prints what fails and then how many of how many passed; succeeds only if all did.

import { serverAudits } from "graphql-http";

const [url, token] = process.argv.slice(2);
if (!url) {
  console.error("usage: node audit.mjs URL [TOKEN]");
  process.exit(2);
}

const fetchFn = (input, init = {}) =>
  fetch(input, {
    ...init,
    headers: token ? { ...init.headers, authorization: `Bearer ${token}` } : init.headers,
  });

const audits = serverAudits({ url, fetchFn });
let passed = 0;
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status === "ok") {
    passed += 1;
  } else {
    console.log(`${result.status}: ${result.id} ${result.name}: ${result.reason}`);
  }
}
console.log(`${passed} of ${audits.length}`);
process.exit(passed === audits.length && audits.length >= 61 ? 0 : 1);
