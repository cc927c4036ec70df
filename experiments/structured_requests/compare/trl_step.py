"""Seconds a step of TRL's GRPOTrainer on the work of `flywheel bench step`.

    build/compare-venv/bin/python experiments/structured_requests/compare/trl_step.py MODEL [STEPS]

MODEL is a Hugging Face folder or a .gguf file. A step is 8 tasks with 8 samples each, at most 48 new tokens,
temperature 1; rewards normalised within a group; no KL term; AdamW at 2e-5; bf16 autocast over
float32 master weights; all cores. The first step is reported apart, because it also warms up.
"""
import os
import sys
import time

import datasets
import torch
import transformers
import trl

import common


class StepTimes(transformers.TrainerCallback):
    def __init__(self):
        self.seconds = []
        self.began = 0.0

    def on_step_begin(self, *_, **__):
        # Sampling happens inside the first micro-batch of a step, after this call.
        self.began = time.perf_counter()

    def on_step_end(self, *_, **__):
        self.seconds.append(time.perf_counter() - self.began)


def rewards(completions, count, **_):
    return [common.reward(completion[0]["content"], wanted)
            for completion, wanted in zip(completions, count)]


def main(path, step_count):
    folder = common.hugging_face_folder(path)
    tasks = [row for row in common.prompts() if row["sample"] == 0]
    data = datasets.Dataset.from_list(
        [{"prompt": row["messages"], "count": row["count"]} for row in tasks])
    times = StepTimes()
    trainer = trl.GRPOTrainer(
        model=folder, reward_funcs=rewards, train_dataset=data, callbacks=[times],
        args=trl.GRPOConfig(
            output_dir=os.path.join("build", "compare-model", "trl"), use_cpu=True, bf16=True,
            per_device_train_batch_size=8, gradient_accumulation_steps=8, num_generations=8,
            max_completion_length=common.TOKENS_MAX, temperature=1.0, beta=0.0,
            learning_rate=2e-5, max_steps=step_count, logging_steps=1, report_to=[],
            save_strategy="no", seed=0))
    trainer.train()
    later = times.seconds[1:] or times.seconds
    figures = [
        {"name": "seconds_per_step", "unit": "s", "better": "lower",
         "value": round(sum(later) / len(later), 2)},
        {"name": "seconds_first_step", "unit": "s", "better": "lower",
         "value": round(times.seconds[0], 2)},
    ]
    history = [row for row in trainer.state.log_history if "reward" in row]
    common.report("trl_grpo_step", figures, step_seconds=[round(s, 2) for s in times.seconds],
                  rewards=[row["reward"] for row in history],
                  completion_tokens=[row.get("completions/mean_length") for row in history],
                  versions={"torch": torch.__version__, "trl": trl.__version__,
                            "transformers": transformers.__version__})


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 3)
