#include "runtime/tasks/structured_requests_phrases.hpp"

namespace flywheel {
namespace {

constexpr std::string_view training_topics[] = {
    "fruits",    "animals",  "countries", "colors",  "sports",      "vegetables",
    "rivers",    "tools",    "hobbies",   "cities",  "planets",     "desserts",
    "languages", "jobs",     "trees",     "birds",   "instruments", "drinks",
    "games",     "books",    "flowers",   "insects", "metals",      "oceans",
    "shapes",    "vehicles", "spices",    "clothes", "rooms",       "body parts",
};

constexpr std::string_view held_out_topics[] = {
    "mountains",       "cheeses",      "dog breeds",
    "school subjects", "gemstones",    "pieces of furniture",
    "kinds of fish",   "music genres", "fabrics",
    "dances",          "islands",      "kinds of pasta",
    "constellations",  "toys",
};

// "A bullet list" is what people call any marked list, so these openings leave the marker open, as
// the work that this experiment was derisked with does; a later turn that asks for bullets means
// bullets.
constexpr OpeningPhrase training_openings[] = {
    {"direct", "List exactly {n} {t}, one per line, as a list. Write nothing else."},
    {"direct", "Give me a list of {n} {t}, nothing else."},
    {"direct", "Name {n} {t} as a bullet list, one per line."},
    {"direct", "Write a list of exactly {n} {t}. Only the list, no other text."},
    {"polite", "I need a list of {n} {t}. Only the list please."},
    {"polite", "Please list {n} {t}, one per line. Only the list, please."},
    {"polite", "Could you give me a list of {n} {t}? Only the list, please."},
    {"polite", "Please write a bullet list of {n} {t} and nothing else. Thank you."},
    {"terse", "List {n} {t}. Only the list."},
    {"terse", "List of {n} {t}, one per line. Nothing else."},
    {"terse", "{n} {t} as a list. No other text."},
    {"terse", "List {n} {t}. No extra text."},
    {"chatty", "Hi! I'm making a quiz. Give me a list of {n} {t}, one per line, nothing else."},
    {"chatty", "I love {t}! Give me a list of {n} of them, only the list please."},
    {"chatty", "Hey, can you list {n} {t} for me? One per line, only the list."},
    {"chatty", "My mind is blank today, haha. Write a list of {n} {t}, only the list please."},
    {"formal", "Provide a list of exactly {n} {t}, one item per line, without any other text."},
    {"formal",
     "Please provide exactly {number} {t} as a list, one per line. Do not write anything else."},
    {"formal", "Produce a list of exactly {n} {t} with no commentary."},
    {"formal",
     "Kindly supply a list of {number} {t}. No introduction and no explanation, only the list."},
    {"hurried", "Quick: list {n} {t}, one per line, nothing else."},
    {"hurried", "In a hurry. List {n} {t} as bullet points, nothing else."},
    {"hurried", "Give me {n} {t} as a list, fast. Only the list."},
    {"hurried", "Short answer please: a list of {n} {t}, nothing else."},
};

constexpr OpeningPhrase held_out_openings[] = {
    {"direct", "Make a list of exactly {n} {t}, each on its own line. Don't add anything."},
    {"direct", "Create a list of {n} {t} and stop after the list."},
    {"direct", "Show me a list with {n} {t} and no other words."},
    {"polite", "I would like a list of {n} {t}. Please answer with the list alone."},
    {"polite", "Can you write down {number} {t} as a list, please? No other words."},
    {"polite", "Please put {n} {t} in bullet points and stop there."},
    {"terse", "A list with {n} {t}. That's all."},
    {"terse", "{n} {t}, in a list, no more."},
    {"chatty",
     "My son needs {n} {t} for his homework. Write them as a list, one on each line, without any "
     "chatter."},
    {"chatty",
     "We have a trivia night on Friday! Make a list of {n} {t}, just the names on separate lines."},
    {"formal", "Return a list of exactly {n} {t}, one entry on each line. Omit all remarks."},
    {"formal", "Present {number} {t} in the form of a list, without additional words."},
    {"hurried", "short on time, make a list of {n} {t} with nothing around it"},
    {"hurried", "about to board, send a list of {n} {t} and that's it"},
};

constexpr LaterPhrase training_later[] = {
    {ListAsk::keep, "direct", "Now only {n} of them."},
    {ListAsk::keep, "polite", "Thank you! Could you please keep only {n} of them?"},
    {ListAsk::keep, "terse", "Only {n} of those."},
    {ListAsk::keep, "chatty", "Ah, that's too many for us after all. Just {n} of them, please!"},
    {ListAsk::keep, "formal", "Please reduce the list to {number} of these items."},
    {ListAsk::keep, "hurried", "too long, only {n} of them"},
    {ListAsk::number, "direct", "Number them instead."},
    {ListAsk::number, "polite", "Could you please number them instead?"},
    {ListAsk::number, "terse", "Numbered, please."},
    {ListAsk::number, "chatty", "Oh, we vote on these later, so can you make it a numbered list?"},
    {ListAsk::number, "formal", "Please provide the same items as a numbered list."},
    {ListAsk::number, "hurried", "same list but with numbers"},
    {ListAsk::bullet, "direct", "Use bullet points instead."},
    {ListAsk::bullet, "polite", "Could you please write them as bullet points instead?"},
    {ListAsk::bullet, "terse", "Bullets, please."},
    {ListAsk::bullet, "chatty", "Hmm, I think bullet points look nicer. Same ones with bullets?"},
    {ListAsk::bullet, "formal", "Please provide the same items as a bulleted list."},
    {ListAsk::bullet, "hurried", "same list but with bullets"},
    {ListAsk::add, "direct", "Add one more."},
    {ListAsk::add, "polite", "Could you please add one more to the list?"},
    {ListAsk::add, "terse", "One more."},
    {ListAsk::add, "chatty", "Love it! One more friend is coming, so add one more to the list?"},
    {ListAsk::add, "formal", "Please extend the list by one further item."},
    {ListAsk::add, "hurried", "one more on the list pls"},
    {ListAsk::drop, "direct", "Take {last} off the list."},
    {ListAsk::drop, "polite", "Could you please remove {first} from the list?"},
    {ListAsk::drop, "terse", "Without {last}."},
    {ListAsk::drop, "chatty", "We already have {first}, haha. Same list without that one?"},
    {ListAsk::drop, "formal", "Please remove {last} and provide the remaining items."},
    {ListAsk::drop, "hurried", "drop {first}, rest is fine"},
};

constexpr LaterPhrase held_out_later[] = {
    {ListAsk::keep, "direct", "Shorten it to {n}."},
    {ListAsk::keep, "polite", "Lovely. May I have just {n} from that list, please?"},
    {ListAsk::keep, "terse", "Pick {n}."},
    {ListAsk::keep, "chatty", "The poster has less room than I thought! Pick {n} of these for me?"},
    {ListAsk::keep, "formal", "Select {number} of the listed items and omit the others."},
    {ListAsk::keep, "hurried", "just {n} from those"},
    {ListAsk::number, "direct", "Turn it into a numbered list."},
    {ListAsk::number, "polite", "May I have it with numbers in front, please?"},
    {ListAsk::number, "terse", "Now with numbers."},
    {ListAsk::number, "chatty", "The kids want to call them out by number. Can you number those?"},
    {ListAsk::number, "formal", "Present these items again, numbered."},
    {ListAsk::number, "hurried", "number those"},
    {ListAsk::bullet, "direct", "Change it to bullets."},
    {ListAsk::bullet, "polite", "May I have it as bullets, please?"},
    {ListAsk::bullet, "terse", "Now as bullets."},
    {ListAsk::bullet, "chatty", "My slides only do bullet points. Could I get those as bullets?"},
    {ListAsk::bullet, "formal", "Present these items again as bullet points."},
    {ListAsk::bullet, "hurried", "bullet those"},
    {ListAsk::add, "direct", "Put another one on the list."},
    {ListAsk::add, "polite", "May I have one extra on that list, please?"},
    {ListAsk::add, "terse", "Plus one."},
    {ListAsk::add, "chatty",
     "There is still a gap on the page! What about another one on the end?"},
    {ListAsk::add, "formal", "Include one additional item in the list."},
    {ListAsk::add, "hurried", "another one on there quick"},
    {ListAsk::drop, "direct", "Leave out {first}."},
    {ListAsk::drop, "polite", "May I have it again without {last}, please?"},
    {ListAsk::drop, "terse", "Not {first}."},
    {ListAsk::drop, "chatty", "Someone else already picked {last}. Can we lose it from the list?"},
    {ListAsk::drop, "formal", "Repeat the list and exclude {first}."},
    {ListAsk::drop, "hurried", "lose {last}, keep the others"},
};

constexpr std::string_view training_goals[] = {
    "paste a clean list into notes",
    "read the answer on a small screen",
    "fill a quiz sheet",
    "copy the lines into a spreadsheet",
};

constexpr std::string_view held_out_goals[] = {
    "print the lines on a poster",
    "hand the list to a child for homework",
    "feed the lines to a label printer",
};

}  // namespace

const PhraseBook& training_phrases() {
  static constexpr PhraseBook book{training_topics, training_openings, training_later,
                                   training_goals};
  return book;
}

const PhraseBook& held_out_phrases() {
  static constexpr PhraseBook book{held_out_topics, held_out_openings, held_out_later,
                                   held_out_goals};
  return book;
}

}  // namespace flywheel
