"""Tables, renderings, and one self-contained HTML page per result."""

from vmt.report._discharge_page import discharge_page, write_discharge
from vmt.report._packing_page import packing_figures, packing_page, write_packing
from vmt.report._page import (
    Badge,
    Card,
    Page,
    Picture,
    figure_png,
    figure_svg,
    format_number,
    verdict_badge,
    write_table_csv,
)
from vmt.report._particle_page import particle_gallery, particle_page, write_particles
from vmt.report._render import render, render_png, view_caption
from vmt.report._result_page import result_page, result_table, tidy_table, write_result
from vmt.report._twin_figures import twin_figures
from vmt.report._twin_page import twin_page, twin_table, write_twin

__all__ = [
    "Badge",
    "Card",
    "Page",
    "Picture",
    "discharge_page",
    "figure_png",
    "figure_svg",
    "format_number",
    "packing_figures",
    "packing_page",
    "particle_gallery",
    "particle_page",
    "render",
    "render_png",
    "result_page",
    "result_table",
    "tidy_table",
    "twin_figures",
    "twin_page",
    "twin_table",
    "verdict_badge",
    "view_caption",
    "write_discharge",
    "write_packing",
    "write_particles",
    "write_result",
    "write_table_csv",
    "write_twin",
]
