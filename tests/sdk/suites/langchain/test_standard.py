"""LangChain's own standard tests of chat models and embeddings, through Ringside: over a provider
that speaks OpenAI's dialect, and over one whose dialect is translated.
"""

import os

import httpx
import pytest
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests

GATEWAY = {"base_url": f"{os.environ['RINGSIDE_URL']}/v1", "api_key": os.environ["RINGSIDE_TOKEN"]}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """The tests fetch pictures, sounds and papers from the internet; any bytes do."""
    monkeypatch.setattr(httpx, "get", lambda *_, **__: httpx.Response(200, content=b"some bytes of a file"))


class Chat(ChatModelIntegrationTests):
    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        # Chat Completions is what Ringside offers, not Responses; and usage where it is streamed.
        return {"model": self.reference, "stream_usage": True, "use_responses_api": False, **GATEWAY}

    @property
    def model_override_value(self):
        return self.other

    @property
    def supports_json_mode(self):
        return True

    @property
    def supports_image_inputs(self):
        return True

    @property
    def supports_image_urls(self):
        return True

    @property
    def supports_pdf_inputs(self):
        return True

    @property
    def supports_anthropic_inputs(self):
        return True


class TestVerbatim(Chat):
    reference, other = "fc:openai/gpt-4o", "fc:openai/gpt-4o-mini"

    @property
    def supports_audio_inputs(self):
        return True


class TestTranslated(Chat):
    reference, other = "fc:anthropic/claude-sonnet-4-6", "fc:anthropic/claude-opus-4-8"

    @property
    def supports_image_tool_message(self):
        return True


class TestSimulated(EmbeddingsIntegrationTests):
    reference = "fc:sim/embed"

    @property
    def embeddings_class(self):
        return OpenAIEmbeddings

    @property
    def embedding_model_params(self):
        # Texts, not numbers of a vocabulary that only some models have.
        return {"model": self.reference, "check_embedding_ctx_length": False, **GATEWAY}


class TestEmbeddings(TestSimulated):
    reference = "fc:openai/text-embedding-3-small"
