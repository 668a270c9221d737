#include "others/score.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace headrace::others {

Verdict judge(double budget, Answer answer) {
  if (!answer) return Verdict::no_answer;
  if (*answer > std::max(std::ceil(budget), 1.0)) return Verdict::too_many;
  return *answer < std::max(std::floor(budget), 1.0) ? Verdict::too_few : Verdict::right;
}

Row row_of(const std::string& layout_name) {
  Row row{layouts::load(layout_name), {}};
  sys::FakeRoot root;
  layouts::expand(row.layout, root);
  add_what_is_always_there(root.path());
  const Machine machine{root.path(), row.layout.affinity, row.layout.online};
  for (const Program& program : programs()) row.answers.push_back(program.answer(machine));
  row.counts = row.layout.env.empty();
  if (row.counts) row.budget = std::stod(row.layout.expected.at("cpus"));
  return row;
}

std::string answers_text(const Row& row) {
  std::string text;
  for (std::size_t i = 0; i < row.answers.size(); ++i) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", programs()[i].key,
                        row.answers[i] ? fmt::format("{}", *row.answers[i]) : "none");
  }
  return text;
}

}  // namespace headrace::others
