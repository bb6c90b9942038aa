"""`redress demo`: start the stack, file the sample complaints, show their progress, and check the results."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import httpx
import typer
from rich.progress import Progress

from deploy.cli import output
from deploy.cli.endpoints import Endpoints, obtain_token
from deploy.cli.output import ExitCode
from deploy.cli.status import describe_problem, fetch_all
from deploy.cli.up import KafkaOption, PostgresOption, describe_endpoints, program_name, run_stack
from deploy.demo.live_table import LiveTable, build_table, format_summary
from deploy.demo.progress import ComplaintProgress
from deploy.demo.samples import Sample, load_samples
from deploy.demo.scenario import DemoContext, Scenario
from deploy.local.run import wait_for_stop
from deploy.local.stack import SERVICE_NAMES, Stack

CONCURRENCY = 8  # parallel requests


def demo(
    kafka: KafkaOption = None,
    postgres: PostgresOption = None,
    once: Annotated[
        bool, typer.Option(help="End by itself; exit 0 only if every complaint has the expected result.")
    ] = False,
) -> None:
    """Start everything, file sample complaints in eight languages, show their progress, and list the endpoints."""

    def work(stack: Stack) -> int:
        return _run_demo(stack, once=once)

    raise typer.Exit(run_stack(kafka, postgres, title="Starting Redress", work=work))


def _run_demo(stack: Stack, *, once: bool) -> int:
    results = asyncio.run(_run_until_stopped(stack))
    if results is None:
        return ExitCode.INTERRUPTED
    code = print_report(results)
    if code is not ExitCode.OK:
        _print_sick_services(stack)
    if once:
        return code
    for line in (*describe_endpoints(stack), *_example_request(stack, results)):
        output.print_line(line)
    output.print_line("\nEverything keeps running. Ctrl-C stops it; the data is kept.")
    return wait_for_stop(stack)


async def _run_until_stopped(stack: Stack) -> list[ComplaintProgress] | None:
    """Run all scenarios and return their results; None if a signal stopped the demo first."""
    scenarios = asyncio.create_task(run_scenarios(stack.ports.url("intake"), stack.ports.url("mailbox")))
    stop_signal = asyncio.create_task(asyncio.to_thread(_wait_for_stop, stack, scenarios))
    await asyncio.wait({scenarios, stop_signal}, return_when=asyncio.FIRST_COMPLETED)
    if not scenarios.done():
        scenarios.cancel()
    with suppress(asyncio.CancelledError):
        results = await scenarios
        await stop_signal
        return results
    return None


def _wait_for_stop(stack: Stack, scenarios: "asyncio.Task[list[ComplaintProgress]]") -> None:
    while not stack.stopping.wait(0.2) and not scenarios.done():
        pass


async def run_scenarios(intake: str, mailbox: str | None) -> list[ComplaintProgress]:
    """File every sample and run its scenario to the end."""
    samples = load_samples()
    headers = {"authorization": f"Bearer {obtain_token()}"}
    run = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    slots = asyncio.Semaphore(CONCURRENCY)
    async with (
        httpx.AsyncClient(base_url=intake, headers=headers, timeout=30) as api,
        _mailbox_client(mailbox) as mails,
    ):
        total = sum(sample.repeat_of is None for sample in samples)
        live_table = LiveTable(output.out, total=total)
        context = DemoContext(api, mails if mailbox else None, run, slots, changed=live_table.show)
        scenarios = await _file_samples(samples, context)
        with live_table:
            await asyncio.gather(*(scenario.run_steps() for scenario in scenarios))
    return [scenario.progress for scenario in scenarios]


def _mailbox_client(mailbox: str | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=mailbox or "http://127.0.0.1", timeout=30)


async def _file_samples(samples: list[Sample], context: DemoContext) -> list[Scenario]:
    scenarios = {sample.id: Scenario(sample, context) for sample in samples if sample.repeat_of is None}
    repeats = [sample for sample in samples if sample.repeat_of is not None]
    with _progress_bar() as bar:
        task = bar.add_task("Filing complaints", total=len(samples))

        async def file_one(scenario: Scenario) -> None:
            await scenario.file()
            bar.advance(task)

        await asyncio.gather(*map(file_one, scenarios.values()))
        for sample in repeats:
            await Scenario(sample, context).file_again(scenarios[str(sample.repeat_of)])
            bar.advance(task)
    output.print_line(
        f"{len(scenarios)} complaints filed; {len(repeats)} of them sent again with the same idempotency key."
    )
    return list(scenarios.values())


def _progress_bar() -> Progress:
    return output.progress_bar(total_known=True)


def _example_request(stack: Stack, results: list[ComplaintProgress]) -> list[str]:
    """Return a request with a token that works as printed."""
    example = next((result for result in results if result.reference), None)
    if example is None:
        return []
    new_token = f"$({program_name()} token create --client me)"
    url = f"{stack.ports.url('intake')}/v1/complaints/{example.complaint_id}/timeline"
    return ["", f'  Timeline          curl -s -H "Authorization: Bearer {new_token}" {url}']


def _print_sick_services(stack: Stack) -> None:
    """Print the problems that the services report, and the folder of their logs."""
    statuses = asyncio.run(fetch_all(Endpoints({name: stack.ports.url(name) for name in SERVICE_NAMES})))
    for line in filter(None, map(describe_problem, statuses)):
        output.print_line(f"  {line}", style="red")
    output.print_line(f"  Logs: {stack.home / 'logs'}")


def print_report(results: list[ComplaintProgress]) -> ExitCode:
    """Print the final table on a terminal, then every problem."""
    if output.out.is_terminal:
        output.out.print(build_table(results, width=output.out.size.width))
    output.print_line(format_summary(results, len(results)))
    failed = [result for result in results if result.problems]
    for result in failed:
        for problem in result.problems:
            output.print_line(f"  {result.sample} ({result.reference or 'not filed'}): {problem}", style="red")
    if failed:
        output.print_line(f"{len(failed)} of {len(results)} complaints do not have the expected result.", style="red")
        return ExitCode.PROBLEM
    output.print_line(
        f"All {len(results)} complaints have the expected result, and their mails are in the mailbox.", style="green"
    )
    return ExitCode.OK
