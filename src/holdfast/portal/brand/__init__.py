"""The site's own face: its logo and accent, the style guide, and the pages that every site must have."""
