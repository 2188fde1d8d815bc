# Run by pm2_text(): FILE as the string SYMBOL in HEADER.
file(READ ${FILE} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${HEADER} "/* Made from ${FILE}. */\nstatic const char ${SYMBOL}[] = {${bytes}0};\n")
