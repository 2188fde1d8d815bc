module.exports = {apps: [
