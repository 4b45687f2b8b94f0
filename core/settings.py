"""The one settings object. Environment (``CHANGDA_…``) beats ``.env`` beats the defaults here."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
Port = Annotated[int, Field(ge=1, le=65535)]


def env_file() -> Path:
    """The file of secrets and settings; ``CHANGDA_ENV_FILE`` names another one."""
    return Path(os.environ.get("CHANGDA_ENV_FILE", ROOT / ".env"))


class Settings(BaseSettings):
    """All settings, with ranges. The README holds the table for operators."""

    model_config = SettingsConfigDict(
        env_prefix="CHANGDA_", env_file=env_file(), extra="ignore", frozen=True
    )

    app_host: str = "0.0.0.0"
    """Address the app listens on; everything else listens on loopback."""
    app_port: Port = 8000
    rasa_port: Port = 5005
    actions_port: Port = 5055
    sandbox_port: Port = 8090
    redis_port: Port = 6390

    var_dir: Path = ROOT / "var"
    """Everything made at run time."""
    database_url: str = ""
    """SQLAlchemy URL; empty means SQLite in ``var_dir``."""
    redis_url: str = ""
    """Empty means the embedded Redis that the launcher starts."""
    bss_url: str = ""
    """TM Forum APIs of the operator; empty means the sandbox."""
    rasa_url: str = ""
    """Empty means the Rasa that the launcher starts."""
    actions_url: str = ""
    """The action server's webhook as Rasa calls it; empty means the one that the launcher starts."""

    rasa_token: SecretStr = SecretStr("")
    token_key: SecretStr = SecretStr("")
    """Signs access tokens of customers and staff. Generated at the first run."""
    app_token_public_key: str = ""
    """PEM of the operator's key that signs app tokens (RS256 or ES256)."""
    app_token_jwks: str = ""
    """Instead of it: address (https://…) or file of the operator's key set, or a PEM file."""
    app_token_issuer: str = ""
    """Who must have issued app tokens (``iss``); empty = not looked at."""
    app_token_audience: str = ""
    """Whom app tokens must be meant for (``aud``); empty = not looked at."""
    app_token_leeway_s: float = Field(30.0, ge=0, le=300)
    """How far the clocks of the operator and of this machine may differ."""
    app_token_timeout_s: float = Field(2.0, gt=0, le=30)
    """The longest wait for the operator's key set."""
    verified_hours: float = Field(12.0, gt=0)
    """How long an SMS code or an app token proves who somebody is; then they are only recognised."""
    push_url: str = ""
    """Where the operator's app is told of messages for customers who have no chat open."""
    push_secret: SecretStr = SecretStr("")
    """Signs what is posted there."""
    push_timeout_s: float = Field(3.0, gt=0, le=30)
    embed_origins: list[str] = []
    """Sites that may show the chat, such as ["https://www.example.com"]; they also may call the customer's
    API from their own scripts. Empty = nobody but ourselves."""
    demo_password: SecretStr = SecretStr("")
    """One password for all demo staff; empty means a generated one each."""

    embedding_model: str = "intfloat/multilingual-e5-small"
    seed_knowledge: Literal["on", "off"] = "on"
    vector_index: Literal["faiss", "milvus"] = "faiss"
    """Where question vectors are searched: in every process, or in Milvus."""
    milvus_uri: str = ""
    """Address of Milvus, such as http://host:19530 or http://host:19530/database."""
    milvus_token: SecretStr = SecretStr("")
    """Token of Milvus, or user:password."""
    knowledge_four_eyes: Literal["on", "strict", "off"] = "on"
    """Whether a second editor must approve before customers get an answer: at the console, everywhere
    and without exception, or never."""

    bot_timeout_s: float = Field(4.0, gt=0, le=30)
    """The longest the app waits for the dialogue before it offers a person."""
    bss_timeout_s: float = Field(2.0, gt=0, le=30)
    customer_token_hours: float = Field(24 * 30, gt=0)
    staff_token_hours: float = Field(12, gt=0)
    service_hours: str = "00:00-24:00"
    """When people answer on a working day, local time; outside it customers leave a message."""
    service_calendar: Path = ROOT / "data" / "service_calendar.yml"
    """Weekends, holidays and make-up working days, which the operator edits."""
    agent_lost_s: float = Field(30.0, gt=0)
    """A vanished agent's conversations go back to their old place after this."""

    offer_mode: Literal["both", "push", "pull"] = "both"
    """push: a waiting customer is offered to one agent and only they may accept; pull: agents take from
    the list; both: offered to one agent, while colleagues may still take from the list."""
    offer_s: float = Field(20.0, gt=0, le=600)
    """How long an agent may look at an offer."""
    offer_lapses: int = Field(3, ge=1)
    """An agent who lets so many offers in a row lapse is set busy."""
    agent_capacity: int = Field(8, ge=1, le=100)
    """An agent with so many conversations is offered no more, unless their account says otherwise."""
    agent_limit: int = Field(50, ge=1, le=500)
    """So many an agent may take by hand; an account's own capacity is a limit for both."""
    priority_point_s: float = Field(10.0, ge=0, le=600)
    """Seconds of waiting that one priority point is worth: so nobody waits for ever."""
    overflow_s: float = Field(60.0, ge=0)
    """After this wait other skill groups help out."""
    queue_max: int = Field(200, ge=0)
    """More waiting in one group than this: a call back is offered. 0 = no limit."""
    queue_max_wait_s: float = Field(1800.0, ge=0)
    """A longer estimated wait than this: a call back is offered. 0 = no limit."""
    queue_full: Literal["ask", "callback"] = "ask"
    """ask: the customer chooses between waiting and a call back; callback: a call back is all there is."""
    sla_first_reply_s: float = Field(120.0, gt=0)
    """From asking for a person to their first words, in hours of service."""
    sla_next_reply_s: float = Field(120.0, gt=0)
    """From a customer's words to the agent's answer, in hours of service."""
    sla_resolve_s: float = Field(3600.0, gt=0)
    """From asking for a person to the end of the talk, in hours of service."""
    sla_wrap_up_s: float = Field(600.0, gt=0)
    """From the end of the talk to its summary, in hours of service."""

    desk: Literal["own", "webhook", "chatwoot"] = "own"
    """Where people serve: at our desk, at an operator's own by signed webhooks and REST, or in Chatwoot."""
    desk_webhook_url: str = ""
    """Where the operator's desk is told what happens to handoffs."""
    desk_webhook_secret: SecretStr = SecretStr("")
    """Signs what is posted there."""
    desk_token: SecretStr = SecretStr("")
    """Bearer token with which the operator's desk answers over REST; at least 32 characters."""
    desk_timeout_s: float = Field(5.0, gt=0, le=60)
    """The longest wait for an answer of the operator's desk or of Chatwoot."""
    chatwoot_url: str = ""
    """Address of Chatwoot, such as https://chat.example.com."""
    chatwoot_token: SecretStr = SecretStr("")
    """``api_access_token`` of an administrator or an agent who sees the inbox."""
    chatwoot_account_id: int = Field(0, ge=0)
    chatwoot_inbox_id: int = Field(0, ge=0)
    """An inbox of the API channel."""
    chatwoot_webhook_secret: SecretStr = SecretStr("")
    """Signing secret of the inbox's webhook, which Chatwoot shows; without it Chatwoot is only asked."""
    chatwoot_teams: dict[str, int] = {}
    """Skill group → id of the Chatwoot team, such as {"billing": 3}."""
    chatwoot_poll_s: float = Field(20.0, gt=0, le=600)
    """A conversation whose webhooks stay away is looked at after this."""

    wechat_app_id: str = ""
    """AppId of the official account; set, with secret and token, to open the channel."""
    wechat_secret: SecretStr = SecretStr("")
    wechat_token: SecretStr = SecretStr("")
    """Signs callbacks; chosen by the operator on the platform's page."""
    wechat_aes_key: SecretStr = SecretStr("")
    """EncodingAESKey; set, callbacks that are not encrypted are refused."""
    wechat_api_url: str = "https://api.weixin.qq.com"
    wechat_reply_s: float = Field(3.5, gt=0, lt=5)
    """A callback is answered within this; later answers go by the customer-service API."""
    wechat_choices: Literal["msgmenu", "numbers"] = "msgmenu"
    """How buttons look in customer-service messages; passive answers always have numbers."""
    wechat_template: str = ""
    """Id of a template message that asks a customer outside the window to come back."""
    wechat_template_fields: dict[str, str] = {"thing1": "thing", "time2": "time"}
    """The template's field names, each filled with ``thing``, ``time``, or the words given."""
    wechat_subscription: str = ""
    """Id of a subscription template for customers who accepted it."""
    wechat_subscription_fields: dict[str, str] = {"thing1": "thing", "time2": "time"}
    wechat_demo: Literal["on", "off"] = "off"
    """A stand-in for WeChat and WeCom with a page to chat on, for trying the channels out."""
    wechat_demo_port: Port = 8070
    wecom_corp_id: str = ""
    """CorpId; set, with secret, token and AES key, to open 微信客服."""
    wecom_secret: SecretStr = SecretStr("")
    wecom_token: SecretStr = SecretStr("")
    wecom_aes_key: SecretStr = SecretStr("")
    wecom_api_url: str = "https://qyapi.weixin.qq.com"

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("embed_origins")
    @classmethod
    def _origins(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            if not re.fullmatch(r"https?://[a-z0-9.-]+(:\d+)?", origin):
                raise ValueError(f"{origin!r} is no origin such as https://www.example.com")
        return origins

    @model_validator(mode="after")
    def _milvus_has_an_address(self) -> Settings:
        if self.vector_index == "milvus" and not self.milvus_uri:
            raise ValueError("CHANGDA_VECTOR_INDEX=milvus needs CHANGDA_MILVUS_URI")
        return self

    @model_validator(mode="after")
    def _desk_is_complete(self) -> Settings:
        if self.desk_webhook_url and not self.desk_webhook_secret.get_secret_value():
            raise ValueError("CHANGDA_DESK_WEBHOOK_URL needs CHANGDA_DESK_WEBHOOK_SECRET")
        if 0 < len(self.desk_token.get_secret_value()) < 32:
            raise ValueError("CHANGDA_DESK_TOKEN must have at least 32 characters")
        if self.desk == "webhook" and not (self.desk_webhook_url and self.desk_token):
            raise ValueError(
                "CHANGDA_DESK=webhook needs CHANGDA_DESK_WEBHOOK_URL and CHANGDA_DESK_TOKEN"
            )
        if self.desk == "chatwoot" and not self.chatwoot_on:
            raise ValueError(
                "CHANGDA_DESK=chatwoot needs CHANGDA_CHATWOOT_URL, _TOKEN, _ACCOUNT_ID and _INBOX_ID"
            )
        return self

    @property
    def chatwoot_on(self) -> bool:
        """Whether Chatwoot is configured."""
        known = (self.chatwoot_url, self.chatwoot_token.get_secret_value())
        return all((*known, self.chatwoot_account_id, self.chatwoot_inbox_id))

    @property
    def wechat_on(self) -> bool:
        """Whether the official account is configured."""
        return all((self.wechat_app_id, self.wechat_secret, self.wechat_token))

    @property
    def wecom_on(self) -> bool:
        """Whether 微信客服 is configured."""
        return all((self.wecom_corp_id, self.wecom_secret, self.wecom_token, self.wecom_aes_key))

    @property
    def database(self) -> str:
        """SQLAlchemy async URL in force."""
        return self.database_url or f"sqlite+aiosqlite:///{self.var_dir / 'changda.db'}"

    @property
    def redis(self) -> str:
        """Redis URL in force."""
        return self.redis_url or f"redis://127.0.0.1:{self.redis_port}/0"

    @property
    def bss(self) -> str:
        """Base URL of the operator systems in force."""
        return self.bss_url or f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def rasa(self) -> str:
        """Base URL of the Rasa server in force."""
        return self.rasa_url or f"http://127.0.0.1:{self.rasa_port}"

    @property
    def actions_webhook(self) -> str:
        """URL that Rasa posts actions to."""
        return self.actions_url or f"http://127.0.0.1:{self.actions_port}/webhook"

    @property
    def encoder_dir(self) -> Path:
        return self.var_dir / "models" / "encoder"

    @property
    def rasa_model_dir(self) -> Path:
        return self.var_dir / "models" / "rasa"

    @property
    def knowledge_dir(self) -> Path:
        return self.var_dir / "knowledge"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
