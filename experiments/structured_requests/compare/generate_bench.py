"""Tokens a second of transformers' generate on the prompts of `flywheel bench sampler`.

    build/compare-venv/bin/python experiments/structured_requests/compare/generate_bench.py MODEL

MODEL is a Hugging Face folder or a .gguf file. Every sequence is forced to 48 new tokens, so that 1 and 64
sequences do stated work: 48 and 3072 tokens. bfloat16, temperature 1, no top-k, no top-p, the whole
time of the call (prompts included). The best of some rounds counts, after one that is not counted.
"""
import sys
import time

import torch
import transformers

import common


def tokens_per_second(model, tokenizer, rows, rounds):
    texts = [tokenizer.apply_chat_template(row["messages"], tokenize=False,
                                           add_generation_prompt=True) for row in rows]
    inputs = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
    best = 0.0
    for round_index in range(rounds + 1):
        start = time.perf_counter()
        with torch.no_grad():
            output = model.generate(
                **inputs, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                min_new_tokens=common.TOKENS_MAX, max_new_tokens=common.TOKENS_MAX,
                pad_token_id=tokenizer.eos_token_id)
        seconds = time.perf_counter() - start
        count = (output.shape[1] - inputs.input_ids.shape[1]) * len(rows)
        assert count == common.TOKENS_MAX * len(rows)
        if round_index > 0:
            best = max(best, count / seconds)
    return best


def main(path):
    torch.manual_seed(0)
    folder = common.hugging_face_folder(path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    rows = common.prompts()
    figures = [
        {"name": f"tokens_per_second_{count}", "unit": "tokens/s", "better": "higher",
         "value": round(tokens_per_second(model, tokenizer, rows[:count], rounds), 1)}
        for count, rounds in ((1, 3), (64, 2))
    ]
    common.report("transformers_generate", figures, versions={
        "torch": torch.__version__, "transformers": transformers.__version__})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
