"""The service of rabbitmq_probe.cpp: what its handlers did, and what lies in its error store."""

import json

from rabbitmq_world import Sample, request

NAMES = {"conventionsCasing": "snakeCase", "exchange": {"name": "wire", "type": "topic", "declare": True, "durable": True}, "context": {"enabled": True}}


class Probe(Sample):
    """Our service: what its handlers did, and what lies in its error store."""

    program = "rabbitmq_probe"

    def lines(self):
        return [json.loads(line) for line in self.log().splitlines() if line.startswith('{"event":')]

    def ended(self):
        """Messages that have their outcome."""
        return sum(self.figure(f"mamey_messages_{each}_total") for each in ("handled", "failed"))

    def errors(self):
        """By message id."""
        page = request(self.port, "GET", "/_messages/errors?limit=1000").json()
        assert page["total"] <= 1000
        return {each["messageId"]: each for each in page["items"]}
