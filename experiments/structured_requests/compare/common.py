"""What the two yardsticks share: the work, and the shape of what they print."""
import json
import os
import platform
import re
import subprocess

FOLDER = os.path.dirname(os.path.abspath(__file__))
TOKENS_MAX = 48  # new tokens a sample
ITEM = re.compile(r"^(- |\* |\d+\. )\S")


def prompts():
    """64 rows: 8 tasks with 8 samples each. A row has messages, and the count of items asked for."""
    with open(os.path.join(FOLDER, "prompts.jsonl")) as file:
        return [json.loads(line) for line in file]


def reward(text, count):
    """1 for a list of exactly `count` items and nothing else, else 0."""
    lines = text.strip().split("\n")
    return float(len(lines) == count
                 and all(ITEM.match(line) and len(line) < 60 for line in lines))


def hugging_face_folder(path):
    """A folder that trainers load: `path` itself, or the dequantised form of a .gguf file."""
    if not path.endswith(".gguf"):
        return path
    import torch
    import transformers
    target = os.path.join("build", "compare-model", os.path.basename(path)[:-len(".gguf")])
    if os.path.exists(os.path.join(target, "config.json")):
        return target
    folder, name = os.path.split(path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32)
    settings = model.config.to_dict()
    settings.pop("quantization_config", None)  # it refuses to save what it takes for quantised
    plain = type(model)(type(model.config)(**settings))
    plain.load_state_dict(model.state_dict())
    tokenizer.save_pretrained(target)
    plain.save_pretrained(target)
    return target


def report(bench, figures, **more):
    def output_of(*command):
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return "unknown"

    cpu = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())
    print(json.dumps({
        "bench": bench,
        "commit": output_of("git", "rev-parse", "--short", "HEAD"),
        "machine": {"cpu": cpu.group(1) if cpu else platform.machine(), "cores": os.cpu_count()},
        **more,
        "figures": figures,
    }))
