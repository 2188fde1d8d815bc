# SPDX-License-Identifier: MIT
"""Our program beside PM2: what bench/compare is made of."""
