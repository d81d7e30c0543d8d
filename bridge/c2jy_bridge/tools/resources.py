"""search_resources: the names that nobody can guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.drafts.kinds import ResourceKind
from c2jy_bridge.plugin import tool
from c2jy_bridge.tools.answers import ResourceRow, ResourcesFound, SliderRow

if TYPE_CHECKING:
    from c2jy_bridge.drafts.resources import Entry

say: Final = catalogue("tools")


class ResourceTools:
    """search_resources."""

    # In a thread of its own: the first search loads the catalogues.
    @tool
    def search_resources(
        self,
        kind: ResourceKind,
        query: str = "",
        vip: bool | None = None,
        limit: Annotated[int, Field(ge=1, le=200)] = 20,
    ) -> ResourcesFound:
        """Find JianYing's own names of effects, filters, transitions, animations, fonts: do not guess them.

        A draft can only use names that are in JianYing. Search with Chinese (叠化), pinyin (diehua, dh) or
        English (dissolve, fade in, glitch). The best come first, free ones before those for members. If
        nothing has these words, `fits` is false and `resources` are the nearest names.

        Use `name` exactly as it is given. `default_duration_s` is how long a transition or animation
        lasts when you do not say. `params` are an effect's sliders, 0-100, with their defaults.

        Args:
            kind: any, or filter, transition, effect (scene and character effects), animation (of pictures:
                video_in, video_out, video_group), text_animation (text_in, text_out, text_loop), font,
                audio_effect (audio_scene, tone, speech_to_song), mask, mix_mode, or one of those in brackets.
            query: What to look for; empty lists all.
            vip: true: only those for JianYing members; false: only those free for everybody; left out: both.
            limit: Most names to return.
        """
        from c2jy_bridge.drafts.resources import search

        hits = search(kind, query, vip=vip, limit=limit)
        key = "resources.found" if hits.fits else "resources.nearest" if hits.entries else "resources.none"
        message = say(key, query=query, count=hits.total, shown=len(hits.entries))
        return ResourcesFound(message, hits.fits, hits.total, [_row(entry) for entry in hits.entries])


def _row(entry: Entry) -> ResourceRow:
    return ResourceRow(
        name=entry.name,
        kind=entry.kind,
        vip=entry.vip,
        default_duration_s=None if entry.duration_us is None else entry.duration_us / 1e6,
        params=[SliderRow(slider.name, slider.default) for slider in entry.sliders],
    )
