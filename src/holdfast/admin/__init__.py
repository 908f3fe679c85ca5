"""What people may ask of holdfast itself: plain functions on the catalog; each change writes an audit row with it."""
