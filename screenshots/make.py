"""Takes the screenshots: the real app, the real engine, the demo tree.

`python screenshots/make.py [FOLDER]` writes one SVG for each screen, by default
beside this file. Sizes and times in them are measured, so they differ a little from
one machine to another.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable

os.environ["TEXTUAL_ANIMATIONS"] = "none"

import msgspec
from textual.pilot import Pilot

from dwarfsmith.engine.demo import write_demo
from dwarfsmith.tui.app import DwarfsmithApp
from dwarfsmith.tui.options import Options
from dwarfsmith.tui.session import Session

SIZE = (110, 34)
LEVEL = 7
BLOCK_BITS = 20
PATIENCE_S = 300


class Camera:
    """Takes pictures of an app.

    Args:
        pilot: Drives the app.
        folder: Where the pictures go.
    """

    def __init__(self, pilot: Pilot[None], folder: pathlib.Path) -> None:
        self.pilot = pilot
        self.folder = folder

    @property
    def session(self) -> Session:
        """What the app knows."""
        assert isinstance(self.pilot.app, DwarfsmithApp)
        return self.pilot.app.session

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something to hold and to be on screen."""
        for _ in range(PATIENCE_S * 20):
            if condition():
                await self.pilot.pause(0.4)
                return
            await self.pilot.pause(0.05)
        raise TimeoutError("the app did not get there")

    def take(self, name: str) -> None:
        """Write what is on screen."""
        svg = self.pilot.app.export_screenshot(title="dwarfsmith")
        path = self.folder / f"{name}.svg"
        path.write_text(svg, encoding="utf-8")
        print(path)


async def take_all(folder: pathlib.Path) -> None:
    """Go through the app once and picture every screen."""
    app = DwarfsmithApp(Options(input=b"demo", output=b"demo.dwarfs", level=LEVEL))
    async with app.run_test(size=SIZE) as pilot:
        camera = Camera(pilot, folder)
        session = camera.session
        await camera.until(lambda: session.scan.status == "done" and session.tree)
        assert session.plan is not None
        # Small blocks, so that a small demo has enough of them to look at.
        session.plan = msgspec.structs.replace(session.plan, block_bits=BLOCK_BITS)
        app.publish()
        await pilot.press("l", "j", "j", "l", "j", "j")
        await camera.until(lambda: True)
        camera.take("browse")
        await pilot.press("p")
        await camera.until(lambda: True)
        camera.take("plan")
        await pilot.press("b")
        await camera.until(lambda: (session.build.fraction or 0) > 0.6)
        camera.take("build")
        await camera.until(lambda: session.build.status == "done")
        camera.take("result")


def main() -> None:
    """Make the demo tree in a home folder of its own, and take the pictures there."""
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else here).resolve()
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        os.chdir(home)
        write_demo(b"demo")
        asyncio.run(take_all(folder))


if __name__ == "__main__":
    main()
