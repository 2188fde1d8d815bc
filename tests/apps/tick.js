// SPDX-License-Identifier: MIT
// Says something on both outputs, again and again.
let n = 0;
setInterval(() => {
  console.log(`out ${++n}`);
  console.error(`err ${n}`);
}, 200);
console.log('tick ready');
