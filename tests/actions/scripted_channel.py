"""A Rasa connector for tests: the parse is given, so the dialogue is tested apart from the NLU."""

from __future__ import annotations

from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from sanic import Blueprint, response

from bot.dialogue.channel import shape_answer


class ScriptedInput(InputChannel):
    @classmethod
    def name(cls):
        return "scripted"

    @classmethod
    def from_credentials(cls, credentials):
        return cls()

    def blueprint(self, on_new_message):
        webhook = Blueprint("scripted", __name__)

        @webhook.route("/message", methods=["POST"])
        async def message(request):
            body = request.json
            collector = CollectingOutputChannel()
            await on_new_message(
                UserMessage(
                    body["text"],
                    collector,
                    body["sender"],
                    parse_data=body["parse"],
                    input_channel=self.name(),
                    metadata=body.get("metadata") or {},
                )
            )
            return response.json(shape_answer(collector.messages, body["parse"]))

        return webhook
