// How each program's answers compare with what is right.
#pragma once

#include <string>
#include <vector>

#include "layouts/layout.h"
#include "others/others.h"

namespace headrace::others {

enum class Verdict { right, too_many, too_few, no_answer };

// Right is a budget of 1.5 rounded down or up, and at least 1: how to round is a matter of opinion.
Verdict judge(double budget, Answer answer);

struct Row {
  layouts::Layout layout;
  std::vector<Answer> answers;  // in the order of programs()
  // Layouts about this project's own variables are no questions to others.
  bool counts = false;
  double budget = 0;  // what is right, when it counts
};

Row row_of(const std::string& layout_name);
// "go=2 jvm=none", as the layouts have it.
std::string answers_text(const Row& row);

}  // namespace headrace::others
