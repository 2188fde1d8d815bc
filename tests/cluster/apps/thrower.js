// As a compiler leaves it: line 5 here is line 4 of thrower.ts.
'use strict'

module.exports = () =>
new Error('mapped')
//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJmaWxlIjoidGhyb3dlci5qcyIsInNvdXJjZXMiOlsidGhyb3dlci50cyJdLCJuYW1lcyI6W10sIm1hcHBpbmdzIjoiOzs7O0FBR0EifQ==
