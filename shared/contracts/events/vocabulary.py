"""Closed lists of values that events use."""

from typing import Literal

Channel = Literal["web", "app", "email", "phone", "chat", "letter", "branch", "social", "partner"]
ProgressState = Literal["investigating", "awaiting_customer", "awaiting_third_party"]
Outcome = Literal["upheld", "partly_upheld", "rejected", "settled", "no_reply"]
Severity = Literal["low", "normal", "high", "critical"]
Signal = Literal["vulnerable", "legal_threat", "safety", "abuse", "repeat"]
ClockKind = Literal[
    "assignment",
    "acknowledge",
    "first_response",
    "next_reply",
    "periodic_update",
    "pausable_update",
    "requester_wait",
    "agent_work",
    "total_resolution",
    "regulatory_final",
    "summary_resolution",
    "stage2",
    "action_completion",
    "supplier",
    "ombudsman_reply",
]
Obligation = Literal["regulatory", "promise", "target"]
PromiseSubject = Literal["outcome", "next_update", "action"]
BreachCause = Literal["handling", "downtime", "provider", "lag"]
MessageKind = Literal[
    "acknowledgement",
    "progress",
    "promise_moved",
    "delay",
    "holding",
    "handler_changed",  # reserved: no service plans such a message yet
    "resolution",
    "reopened",
    "withdrawn",
]
Milestone = Literal[
    "stage2_requested",
    "stage2_answered",
    "action_agreed",
    "action_completed",
    "handed_over",
    "handed_back",
    "ombudsman_asked",
    "ombudsman_answered",
    "settled",
]
