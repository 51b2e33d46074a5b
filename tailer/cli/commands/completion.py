"""``tailer completion``: the script that makes a shell complete words."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands, flags and names.

    To have it in every new shell:

    \b
      bash   echo 'eval "$(tailer completion bash)"' >> ~/.bashrc
      zsh    echo 'eval "$(tailer completion zsh)"' >> ~/.zshrc   (after compinit)
      fish   tailer completion fish > ~/.config/fish/completions/tailer.fish

    Names of connectors are asked of the API, with the credentials of the environment or of the --config that
    was typed, and kept for a minute in the user's cache folder; no credential is. Where the API does not
    answer within about a second, names are not completed.
    """  # noqa: D301 - click means the control character
    from tailer.cli.shells import script  # noqa: PLC0415 - wanted here only

    click.echo(script(ctx.find_root().command, shell), nl=False)
