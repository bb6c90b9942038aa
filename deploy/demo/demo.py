"""`redress demo`: the stack comes up, complaints go in, everybody can watch, and the end is checked."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import httpx
import typer
from rich.progress import Progress

from deploy.cli import output
from deploy.cli.endpoints import Endpoints, token
from deploy.cli.output import Exit
from deploy.cli.status import ask_all, trouble
from deploy.cli.up import Kafka, Postgres, keep, program, where
from deploy.demo.live_table import LiveTable, drawn, summary
from deploy.demo.progress import ComplaintProgress
from deploy.demo.samples import Sample, load
from deploy.demo.scenario import DemoContext, Scenario
from deploy.local.run import stay
from deploy.local.stack import SERVICE_NAMES, Stack

AT_ONCE = 8  # requests under way at a time


def demo(
    kafka: Kafka = None,
    postgres: Postgres = None,
    once: Annotated[
        bool, typer.Option(help="End by itself; exit 0 only if every complaint got what it should.")
    ] = False,
) -> None:
    """Start everything, file sample complaints in eight languages, show each one's journey, and say where to look."""

    def work(stack: Stack) -> int:
        return _work(stack, once=once)

    raise typer.Exit(keep(kafka, postgres, doing="Starting Redress", work=work))


def _work(stack: Stack, *, once: bool) -> int:
    trails = asyncio.run(_unless_stopped(stack))
    if trails is None:
        return Exit.STOPPED
    code = report(trails)
    if code is not Exit.OK:
        _say_who_is_sick(stack)
    if once:
        return code
    for line in (*where(stack), *_to_try(stack, trails)):
        output.say(line)
    output.say("\nEverything stays up. Ctrl-C stops it; data stays.")
    return stay(stack)


async def _unless_stopped(stack: Stack) -> list[ComplaintProgress] | None:
    """The journeys; None when a signal came first."""
    feeding = asyncio.create_task(feed(stack.places.url("intake"), stack.places.url("mailbox")))
    stopping = asyncio.create_task(asyncio.to_thread(_wait, stack, feeding))
    await asyncio.wait({feeding, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not feeding.done():
        feeding.cancel()
    with suppress(asyncio.CancelledError):
        trails = await feeding
        await stopping
        return trails
    return None


def _wait(stack: Stack, feeding: "asyncio.Task[list[ComplaintProgress]]") -> None:
    while not stack.stopping.wait(0.2) and not feeding.done():
        pass


async def feed(intake: str, mailbox: str | None) -> list[ComplaintProgress]:
    """File every sample and follow each until its end."""
    samples = load()
    headers = {"authorization": f"Bearer {token()}"}
    run = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    room = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=intake, headers=headers, timeout=30) as api, _mail(mailbox) as mails:
        total = sum(sample.repeat_of is None for sample in samples)
        board = LiveTable(output.out, total=total)
        world = DemoContext(api, mails if mailbox else None, run, room, changed=board.show)
        journeys = await _file(samples, world)
        with board:
            await asyncio.gather(*(journey.go() for journey in journeys))
    return [journey.trail for journey in journeys]


def _mail(mailbox: str | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=mailbox or "http://127.0.0.1", timeout=30)


async def _file(samples: list[Sample], world: DemoContext) -> list[Scenario]:
    journeys = {sample.id: Scenario(sample, world) for sample in samples if sample.repeat_of is None}
    repeats = [sample for sample in samples if sample.repeat_of is not None]
    with _bar() as bar:
        task = bar.add_task("Filing complaints", total=len(samples))

        async def filed(journey: Scenario) -> None:
            await journey.file()
            bar.advance(task)

        await asyncio.gather(*map(filed, journeys.values()))
        for sample in repeats:
            await Scenario(sample, world).file_again(journeys[str(sample.repeat_of)])
            bar.advance(task)
    output.say(f"{len(journeys)} complaints filed, and {len(repeats)} sent again under the same key.")
    return list(journeys.values())


def _bar() -> Progress:
    return output.bar(total_known=True)


def _to_try(stack: Stack, trails: list[ComplaintProgress]) -> list[str]:
    """A request that works as it stands."""
    told = next((trail for trail in trails if trail.reference), None)
    if told is None:
        return []
    token_of_mine = f"$({program()} token create --client me)"
    url = f"{stack.places.url('intake')}/v1/complaints/{told.complaint_id}/timeline"
    return ["", f'  One story         curl -s -H "Authorization: Bearer {token_of_mine}" {url}']


def _say_who_is_sick(stack: Stack) -> None:
    """What the services themselves say, and where their logs are."""
    standings = asyncio.run(ask_all(Endpoints({name: stack.places.url(name) for name in SERVICE_NAMES})))
    for line in filter(None, map(trouble, standings)):
        output.say(f"  {line}", style="red")
    output.say(f"  Logs: {stack.home / 'logs'}")


def report(trails: list[ComplaintProgress]) -> Exit:
    """The last table on a terminal, then what is not as it should be."""
    if output.out.is_terminal:
        output.out.print(drawn(trails, width=output.out.size.width))
    output.say(summary(trails, len(trails)))
    wrong = [trail for trail in trails if trail.problems]
    for trail in wrong:
        for problem in trail.problems:
            output.say(f"  {trail.sample} ({trail.reference or 'not filed'}): {problem}", style="red")
    if wrong:
        output.say(f"{len(wrong)} of {len(trails)} complaints are not as they should be.", style="red")
        return Exit.TO_DO
    output.say(
        f"All {len(trails)} complaints are where they should be, and their mails are in the mailbox.", style="green"
    )
    return Exit.OK
