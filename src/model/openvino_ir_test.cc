#include "model/openvino_ir.h"

#include <gmock/gmock.h>

#include <random>
#include <sstream>

namespace headrace::model {
namespace {

using ::testing::HasSubstr;

constexpr const char* kModel = R"(<?xml version="1.0"?>
<net name="net" version="11">
  <layers>
    <layer id="0" name="image" type="Parameter" version="opset1">
      <data shape="?,3,1..8,224" element_type="f32" />
      <output><port id="0" precision="FP32"><dim>-1</dim><dim>3</dim><dim>-1</dim><dim>224</dim></port></output>
    </layer>
    <layer id="1" name="mask" type="Parameter"><data shape="..." element_type="bf16" /></layer>
    <layer id="2" name="six" type="Const"><data element_type="f16" shape="" /></layer>
    <layer id="3" name="a/sink_port_0" type="Result" output_names="logits">
      <input><port id="0" precision="FP32"><dim>-1</dim><dim> 1000 </dim></port></input>
    </layer>
    <layer id="4" name="where" type="Result"><input><port id="0" precision="I64" /></input></layer>
  </layers>
</net>)";

Result<Signature> read(const std::string& text) {
  std::istringstream in(text);
  return read_openvino_ir(in, "a.xml");
}
std::string refusal(const std::string& text) {
  const auto found = read(text);
  return found ? "read without an error" : found.error().message;
}

TEST(OpenvinoIr, NamesTypesAndShapesOfInputsAndOutputs) {
  const auto found = read(kModel);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->inputs.size(), 2U);
  EXPECT_EQ(shown(found->inputs[0]), "'image' [?,3,?,224] f32");
  EXPECT_EQ(found->inputs[0].dtype, HR_F32);
  EXPECT_EQ(shown(found->inputs[1]), "'mask' of open rank, bf16");
  ASSERT_EQ(found->outputs.size(), 2U);
  EXPECT_EQ(shown(found->outputs[0]), "'logits' [?,1000] f32");
  EXPECT_EQ(shown(found->outputs[1]), "'where' of open rank, i64");
}

TEST(OpenvinoIr, AFileThatIsNoModelSaysWhy) {
  EXPECT_EQ(refusal(""), "a.xml is empty or cannot be read: copy or convert the model again");
  EXPECT_THAT(refusal("<net>\n<layers>\n<layer"), HasSubstr("a.xml:3: not valid XML: "));
  EXPECT_THAT(refusal("<project/>"), HasSubstr("it has no <net>"));
  EXPECT_THAT(refusal("<net><layers/></net>"), HasSubstr("no Result layer"));
}

TEST(OpenvinoIr, TruncatedAndFlippedFilesNeverCrash) {
  const std::string whole = kModel;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ASSERT_FALSE(read(whole.substr(0, size))) << size;
  }
  std::mt19937 random(11);
  std::size_t refused = 0;
  for (int round = 0; round < 5'000; ++round) {
    std::string text = whole;
    for (int flips = 0; flips < 3; ++flips) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    if (!read(text)) ++refused;
  }
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace headrace::model
