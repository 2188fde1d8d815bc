// SPDX-License-Identifier: MIT
import { basename } from 'node:path';
console.log(`esm ${basename(import.meta.url)} ready`);
setInterval(() => {}, 1000);
