"""The charts of a report, as inline SVG that takes its colours and its width from the page."""
