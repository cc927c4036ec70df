"""Loads a folder that save_checkpoint wrote into transformers and compares it with a golden file.

    build/interop-venv/bin/python tests/interop/check_checkpoint.py FOLDER tests/golden/model/NAME.json

Checks that AutoModelForCausalLM takes every tensor of the folder and asks for no other, that logits differ
by at most 2e-4, that AutoTokenizer gives back the text it encodes, and that the chat template renders.
make_model_goldens.py says how the venv is made. Prints one line, and exits with 1 when a check fails.
"""
import json
import sys

import torch
import transformers

LOGIT_DIFFERENCE_MAX = 2e-4


def main(folder, golden):
    model, loading = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    problems = [f"{kind}: {sorted(loading[kind])}"
                for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") if loading[kind]]
    with open(golden) as file:
        sequences = json.load(file)["sequences"]
    largest, compared = 0.0, 0
    for sequence in sequences:
        with torch.no_grad():
            logits = model.eval()(input_ids=torch.tensor([sequence["tokens"]])).logits[0]
        for position in sequence["positions"]:
            ours = logits[position["position"]][position["ids"]]
            largest = max(largest, (ours - torch.tensor(position["logits"])).abs().max().item())
            compared += len(position["ids"])
    if not largest <= LOGIT_DIFFERENCE_MAX:
        problems.append(f"logits differ by {largest}")

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Name 3 rivers \u2192 \U0001f34e"}], tokenize=False,
        add_generation_prompt=True)
    tokens = tokenizer(text, add_special_tokens=False).input_ids
    if tokenizer.decode(tokens) != text:
        problems.append(f"the tokenizer gives {tokenizer.decode(tokens)!r} for {text!r}")
    end = model.generation_config.eos_token_id
    if end is None:
        problems.append("generation_config.json names no end token")
    for problem in problems:
        print(f"{folder}: {problem}", file=sys.stderr)
    print(json.dumps({"folder": folder, "compared": compared, "largest_difference": largest,
                      "end_token": end, "token_count": len(tokens), "ok": not problems}))
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
