"""Plants an include that breaks each layer rule; each is found with file, line and rule."""
import support
import check_layers


class CheckLayers(support.PlantedTree):
    def check(self):
        return check_layers.check(self.root)

    def test_what_the_layers_allow_passes(self):
        self.plant(runtime__base__a_hpp="#include <string>\n",
                   storage__b_hpp='#include "runtime/base/a.hpp"\n',
                   actors__c_hpp='#include <caf/fwd.hpp>\n#include "storage/b.hpp"\n',
                   runtime__learning__d_cpp='#include <torch/torch.h>\n'
                                            '#include "runtime/model/m.hpp"\n')
        self.assertEqual(self.check(), [])

    def test_an_include_that_points_up_is_named(self):
        self.plant(runtime__base__a_hpp='// x\n#include "runtime/model/m.hpp"\n')
        self.assert_one(self.check(), "runtime/base/a.hpp:2:", "layers", "runtime/model/m.hpp")

    def test_storage_sees_the_base_only(self):
        self.plant(storage__s_cpp='#include "runtime/learning/trainer.hpp"\n')
        self.assert_one(self.check(), "storage/s.cpp:1:", "layers")

    def test_each_library_stays_with_its_owner(self):
        for library, file in (("torch/torch.h", "actors/a.cpp"), ("caf/all.hpp", "storage/a.cpp"),
                              ("boost/asio.hpp", "actors/a.cpp"), ("rocksdb/db.h", "storage/a.cpp"),
                              ("yaml-cpp/yaml.h", "actors/node.cpp"),
                              ("curl/curl.h", "runtime/tools/browse_tool.cpp"),
                              ("ATen/ATen.h", "actors/a.cpp")):
            with self.subTest(library):
                self.write(file, f"#include <{library}>\n")
                found = [f for f in self.check() if "owners" in f]
                (self.root / file).unlink()
                self.assert_one(found, f"{file}:1:", library.split("/", maxsplit=1)[0])

    def test_torch_that_reaches_an_actor_through_headers_is_found(self):
        self.plant(runtime__model__weights_hpp="#include <torch/types.h>\n",
                   runtime__model__checkpoint_hpp='#include "runtime/model/weights.hpp"\n',
                   actors__learner_cpp='#include "runtime/model/checkpoint.hpp"\n')
        self.assert_one(self.check(), "actors/learner.cpp:1:", "torch reach",
                        "runtime/model/checkpoint.hpp > runtime/model/weights.hpp")

    def test_a_header_with_caf_and_torch_together_is_found(self):
        self.plant(runtime__model__both_hpp="#include <torch/types.h>\n#include <caf/fwd.hpp>\n")
        self.assertTrue(any("CAF and LibTorch together" in f for f in self.check()))
