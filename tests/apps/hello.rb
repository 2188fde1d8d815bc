# SPDX-License-Identifier: MIT
$stdout.sync = true
puts "ruby #{ARGV.join(' ')}"
sleep
