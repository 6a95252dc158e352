"""The only place that decodes: an audio file becomes a mono waveform at a rate."""

from crossemo.audio.base import AudioError as AudioError
from crossemo.audio.base import open_regular as open_regular
from crossemo.audio.decoding import RESAMPLER as RESAMPLER
from crossemo.audio.decoding import decode as decode
from crossemo.audio.decoding import header as header
from crossemo.audio.decoding import stream as stream
