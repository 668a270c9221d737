#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "model/model.h"
#include "model/onnx_writer.h"

namespace headrace::model {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class Load : public ::testing::Test {
 protected:
  Load() {
    std::string pattern = (fs::temp_directory_path() / "headrace-model-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    folder_ = pattern;
  }
  ~Load() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  fs::path write(const fs::path& name, std::string_view text) {
    fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string refusal(const fs::path& path) {
    const auto model = load(path);
    if (model) return "loaded without an error";
    // Messages name paths below the temporary folder; shown without it.
    std::string message = model.error().message;
    const std::string prefix = folder_.string() + "/";
    for (std::size_t at; (at = message.find(prefix)) != std::string::npos;) {
      message.erase(at, prefix.size());
    }
    return message;
  }

  fs::path folder_;
};

constexpr const char* kToml = R"(file = "net.onnx"
[output]
kind = "classification"
labels = "labels.txt"
)";

TEST_F(Load, AFolderItsTomlAndATrailingSlashAreTheSameModel) {
  write("birds/net.onnx", onnx_writer::classifier(2).text());
  write("birds/labels.txt", "crow\nkite\n");
  const fs::path toml = write("birds/model.toml", kToml);
  for (const fs::path& path : {folder_ / "birds", folder_ / "birds/", folder_ / "birds/.", toml}) {
    const auto model = load(path);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->name, "birds");
    EXPECT_TRUE(model->file.is_absolute());
    EXPECT_TRUE(fs::equivalent(model->file, folder_ / "birds/net.onnx"));
    EXPECT_EQ(model->engine, "auto");
    EXPECT_THAT(model->output.labels, ElementsAre("crow", "kite"));
    EXPECT_EQ(model->output.top_k, 2U);
    EXPECT_TRUE(model->guesses.empty());
  }
}

TEST_F(Load, ALabelCountThatDisagreesNamesTheLine) {
  write("birds/net.onnx", onnx_writer::classifier(3).text());
  write("birds/labels.txt", "crow\nkite\n");
  write("birds/model.toml", kToml);
  EXPECT_EQ(
      refusal(folder_ / "birds"),
      "birds/model.toml:4:10: there are 2 labels, but the model's output 'logits' [?,3] f32 has 3 "
      "classes: name each class once, in the model's order");
}

TEST_F(Load, ALabelsFileWithAFaultIsNamedWithItsLine) {
  write("birds/net.onnx", onnx_writer::classifier(3).text());
  write("birds/labels.txt", "crow\n\nkite\n");
  write("birds/model.toml", kToml);
  EXPECT_THAT(
      refusal(folder_ / "birds"),
      StartsWith("birds/model.toml:4:10: output.labels: birds/labels.txt:2: an empty line"));
  write("birds/labels.txt", "");
  EXPECT_THAT(refusal(folder_ / "birds"), HasSubstr("birds/labels.txt holds no labels"));
  fs::remove(folder_ / "birds/labels.txt");
  EXPECT_THAT(refusal(folder_ / "birds"), HasSubstr("there is no file 'birds/labels.txt'"));
  fs::create_directory(folder_ / "birds/labels.txt");
  EXPECT_THAT(refusal(folder_ / "birds"), HasSubstr("is a folder, not a file"));
}

TEST_F(Load, AModelThatDoesNotExistGetsTheNearestName) {
  fs::create_directory(folder_ / "birds");
  EXPECT_EQ(refusal(folder_ / "brids"), "there is no model 'brids': did you mean 'birds'?");
  EXPECT_EQ(refusal(folder_ / "zebra"),
            "there is no model 'zebra': name a folder with a model.toml, or an .onnx or .xml file");
}

TEST_F(Load, AFolderWithoutATomlSaysWhatItHolds) {
  const fs::path birds = folder_ / "birds";
  fs::create_directory(birds);
  EXPECT_THAT(refusal(birds), StartsWith("'birds' has no model.toml: the folder is empty"));
  write("birds/notes.txt", "x");
  EXPECT_THAT(refusal(birds), StartsWith("'birds' has no model.toml: it holds notes.txt;"));
  write("birds/sub/model.toml", "x");
  EXPECT_EQ(refusal(birds), "'birds' has no model.toml: did you mean 'birds/sub'?");
  write("birds/net.onnx", "x");
  EXPECT_EQ(
      refusal(birds),
      "'birds' has no model.toml: the folder holds net.onnx; name 'birds/net.onnx' itself, or "
      "write a model.toml with file = \"net.onnx\"");
  write("birds/Model.toml", "x");
  EXPECT_EQ(refusal(birds),
            "'birds' has no model.toml: it must be called exactly that, but there is 'Model.toml'");
}

TEST_F(Load, AFolderWithoutRightsIsNotCalledEmpty) {
  const fs::path birds = folder_ / "birds";
  fs::create_directory(birds);
  fs::permissions(birds, fs::perms::none);
  std::error_code wrong;
  const fs::directory_iterator opened(birds, wrong);
  if (!wrong) GTEST_SKIP() << "whoever runs this may read everything";
  EXPECT_EQ(refusal(birds), "cannot look into 'birds': Permission denied");
  fs::permissions(birds, fs::perms::owner_all);
}

TEST_F(Load, AMissingModelFileNamesThoseThatAreThere) {
  write("birds/model.toml", "\nfile = \"nett.onnx\"\n");
  EXPECT_EQ(
      refusal(folder_ / "birds"),
      "birds/model.toml:2:8: there is no file 'nett.onnx' in the folder: the folder holds no model "
      "file (.onnx or .xml)");
  write("birds/net.onnx", "x");
  EXPECT_EQ(refusal(folder_ / "birds"),
            "birds/model.toml:2:8: there is no file 'nett.onnx' in the folder: did you mean "
            "'net.onnx'?");
  write("birds/model.toml", "name = \"a\"\n");
  EXPECT_EQ(refusal(folder_ / "birds"),
            "birds/model.toml: the key file is missing: add file = \"net.onnx\" at the top");
  write("birds/old.xml", "x");
  EXPECT_EQ(refusal(folder_ / "birds"),
            "birds/model.toml: the key file is missing: it names the model file; the folder holds "
            "net.onnx and old.xml");
}

TEST_F(Load, AFileThatIsNoModelIsAnErrorAtItsLine) {
  write("birds/net.onnx", "hello\n");
  write("birds/model.toml", "file = \"net.onnx\"\n");
  EXPECT_EQ(refusal(folder_ / "birds"),
            "birds/model.toml:1:8: 'birds/net.onnx' is no ONNX model: it is a text file");
  EXPECT_EQ(refusal(write("notes.txt", "x")),
            "'notes.txt' is no model: name a folder with a model.toml, or an .onnx or .xml file");
  EXPECT_EQ(refusal(write("empty.onnx", "")),
            "empty.onnx: 'empty.onnx' is empty (0 bytes): copy or export the model again");
}

TEST_F(Load, AModelFileMustSuitItsEngine) {
  write("m/net.pt", "x");
  write("m/net.onnx", onnx_writer::classifier().text());
  write("m/net.fake", "");
  write("m/net.xml", "x");
  write("m/model.toml", "file = \"net.pt\"\n");
  EXPECT_EQ(refusal(folder_ / "m"),
            "m/model.toml:1:8: 'net.pt' is no model file that any engine here reads: convert the "
            "model to "
            ".onnx, or to OpenVINO's .xml");
  write("m/model.toml", "file = \"net.xml\"\nengine = \"onnxruntime\"\n");
  EXPECT_EQ(refusal(folder_ / "m"),
            "m/model.toml:2:10: engine 'onnxruntime' cannot read 'net.xml': set engine = "
            "\"openvino\", or "
            "\"auto\"");
  write("m/model.toml", "file = \"net.fake\"\nengine = \"openvino\"\n");
  EXPECT_THAT(refusal(folder_ / "m"),
              StartsWith("m/model.toml:2:10: engine 'openvino' cannot read"));
  write("m/model.toml", "file = \"net.onnx\"\nengine = \"fake\"\n");
  EXPECT_THAT(refusal(folder_ / "m"), StartsWith("m/model.toml:2:10: the fake engine reads .fake"));
  write("m/model.toml", "file = \"net.pt\"\nengine = \"mine\"\n");
  EXPECT_TRUE(load(folder_ / "m"));
}

TEST_F(Load, WeightsInAFileOfTheirOwnMustBeThere) {
  auto onnx = onnx_writer::classifier();
  onnx.initializers = {"w"};
  onnx.external = "net.data";
  const fs::path path = write("net.onnx", onnx.text());
  EXPECT_EQ(refusal(path),
            "net.onnx: 'net.onnx' keeps its weights in 'net.data', which is not there: copy it "
            "beside the "
            "model");
  write("net.data", "");
  EXPECT_TRUE(load(path));
}

TEST_F(Load, ABareFileHasWhatIsCalledLikeItAndWhatItNames) {
  auto onnx = onnx_writer::classifier();
  onnx.initializers = {"w"};
  onnx.external = "weights/all.data";
  const fs::path path = write("net.onnx", onnx.text());
  for (const char* file :
       {"weights/all.data", "net.onnx.data", "net.bin", "network.bin", ".ssh/id", "id"})
    write(file, "");
  const auto files = [&path] {
    const auto model = load(path);
    return model ? model->files : std::vector<fs::path>{model.error().message};
  };
  EXPECT_THAT(files(), UnorderedElementsAre(path, folder_ / "net.onnx.data", folder_ / "net.bin",
                                            folder_ / "weights/all.data"));
  for (const char* elsewhere : {".ssh/id", "weights/../id"}) {
    onnx.external = elsewhere;
    write("net.onnx", onnx.text());
    EXPECT_THAT(files(),
                UnorderedElementsAre(path, folder_ / "net.onnx.data", folder_ / "net.bin"));
  }
  write("model.toml", "file = \"net.onnx\"\n");
  EXPECT_TRUE(load(folder_)->files.empty()) << "all of a folder of its own is the model's";
}

TEST_F(Load, ReadsNoFileOutsideOfTheFolderThatHoldsAll) {
  write("secrets", "crow\nkite\n");
  write("all/net.onnx", onnx_writer::classifier(2).text());
  const auto refused = [&](const std::string& toml, const char* name) {
    write("all/m/model.toml", toml);
    EXPECT_TRUE(load(folder_ / "all/m")) << name;
    const auto model = load(folder_ / "all/m", folder_ / "all");
    ASSERT_FALSE(model) << toml;
    EXPECT_THAT(model.error().message, HasSubstr(std::string("'") + name + "' leads out of the"));
  };
  const std::string labelled =
      "file = \"../net.onnx\"\n[output]\nkind = \"classification\"\nlabels = ";
  refused(labelled + "\"../../secrets\"\n", "secrets");
  refused(labelled + "\"" + (folder_ / "secrets").string() + "\"\n", "secrets");
  fs::create_symlink("../../secrets", folder_ / "all/m/labels.txt");
  refused(labelled + "\"labels.txt\"\n", "labels.txt");
  write("out.onnx", onnx_writer::classifier(2).text());
  refused("file = \"../../out.onnx\"\n", "out.onnx");
  auto apart = onnx_writer::classifier();
  apart.initializers = {"w"};
  apart.external = "../../weights";
  write("weights", "");
  write("all/m/apart.onnx", apart.text());
  refused("file = \"apart.onnx\"\n", "weights");

  fs::remove(folder_ / "all/m/labels.txt");
  write("all/labels", "crow\nkite\n");
  fs::create_symlink("../labels", folder_ / "all/m/labels.txt");
  write("all/m/model.toml", labelled + "\"labels.txt\"\n");
  const auto inside = load(folder_ / "all/m", folder_ / "all");
  EXPECT_TRUE(inside) << inside.error().message;
}

TEST_F(Load, SaysOfWhatHasGoneThatItIsNotThere) {
  write("all/m/model.toml", "file = \"net.onnx\"\n");
  const auto said = [this](const char* model, const char* beneath) {
    const auto loaded = load(folder_ / model, folder_ / beneath);
    return loaded ? "" : loaded.error().message;
  };
  EXPECT_THAT(said("all/gone", "all"), HasSubstr("there is no model"));
  EXPECT_THAT(said("all/m", "all"), HasSubstr("there is no file 'net.onnx' in the folder"));
  EXPECT_THAT(said("all/m", "gone"), HasSubstr("folder cannot be looked into: No such file"));
}

TEST_F(Load, AnOpenvinoModelNeedsItsWeightsAndItsEngine) {
  const fs::path path = write("net.xml", R"(<net><layers>
<layer name="image" type="Parameter"><data shape="1,3,32,32" element_type="f32"/></layer>
<layer name="y" type="Result"><input><port precision="FP32"><dim>1</dim><dim>7</dim></port></input></layer>
</layers></net>)");
  EXPECT_EQ(
      refusal(path),
      "net.xml: 'net.xml' needs its weights, 'net.bin', which is not there: copy it beside the "
      "model");
  write("net.bin", "");
  const auto model = load(path);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->engine, "openvino");
  EXPECT_EQ(model->name, "net");
  EXPECT_EQ(model->input.picture.width, 32U);
  EXPECT_EQ(model->fixed_batch, 1U);
  EXPECT_EQ(model->output.kind, OutputKind::classification);
  EXPECT_FALSE(model->guesses.empty());
}

TEST_F(Load, ABareFakeModelGetsNames) {
  const auto model = load(write("calm.fake", "anything"));
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->engine, "fake");
  EXPECT_EQ(model->input.kind, InputKind::name);
  EXPECT_EQ(model->output.kind, OutputKind::raw);
  EXPECT_EQ(model->guesses.size(), 1U);
}

TEST_F(Load, ANameMustBeFitToShow) {
  write("m/net.fake", "");
  write("m/model.toml", "name = \"a/b\"\nfile = \"net.fake\"\n");
  EXPECT_THAT(refusal(folder_ / "m"),
              StartsWith("m/model.toml:1:8: the model's name is 'a/b', but"));
  write("bad\xFF/net.fake", "");
  write("bad\xFF/model.toml", "file = \"net.fake\"\n");
  EXPECT_THAT(refusal(folder_ / "bad\xFF"), HasSubstr("set name in a model.toml"));
  write("bad\xFF/model.toml", "name = \"good\"\nfile = \"net.fake\"\n");
  const auto model = load(folder_ / "bad\xFF");
  ASSERT_TRUE(model) << model.error().message;
  const auto back = from_json(to_json(*model));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->file, model->file);
}

}  // namespace
}  // namespace headrace::model
