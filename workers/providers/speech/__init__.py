"""Speech by a Whisper model on this machine: where somebody speaks is found first, so that silence and music cost
nothing and nothing is invented there; then the model hears it window by window."""

from workers.providers.speech.whisper import Whisper, local_speech

__all__ = ["Whisper", "local_speech"]
