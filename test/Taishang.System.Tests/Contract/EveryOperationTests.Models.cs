namespace Taishang.System.Tests.Contract;

public sealed partial class EveryOperationTests
{
    private sealed partial class Day
    {
        private async Task ModelCardAsync(string id)
        {
            var tagged = await driver.SucceedAsync(new Call("setModelTags", id, Example("setModelTags")));
            Assert.Equal("search", (string)tagged["tags"]!["team"]!);
            foreach (var (tag, count) in ((string, int)[])[("team", 1), ("team:search", 1), ("team:other", 0)])
            {
                var list = await driver.SucceedAsync(new Call("listModels") { Query = $"tag={tag}" });
                Assert.Equal(count, (int)list["total"]!);
            }

            await driver.FailAsync(400, 10001, new Call("listModels") { Query = "tag=Team" });
            await driver.FailAsync(400, 20003, new Call("setModelTags", id, Json("""{ "tags": { "A": "b" } }""")));
            await driver.SucceedAsync(new Call("setModelCard", id, Example("setModelCard")));
            await driver.FailAsync(400, 20003, new Call("setModelCard", id, Json("""{ "languages": ["?"] }""")));
            await driver.SucceedAsync(new Call("getModel", id));
            await driver.SucceedAsync(new Call("deleteModelCard", id));
            await driver.SucceedAsync(new Call("addModelEvaluation", id, Example("addModelEvaluation")));
            await driver.FailAsync(404, 20012, new Call("addModelEvaluation", id, Json(
                """{ "version": "nobody", "metrics": { "ndcg": 1 } }""")));
            var kept = await driver.SucceedAsync(
                new Call("listModelEvaluations", id) { Query = "version=1.0.0&source=hand&sort=-created_at" });
            Assert.Equal(1, (int)kept["total"]!);
        }

        private async Task ModelAliasesAsync(string id)
        {
            await driver.SucceedAsync(
                new Call("switchModelAliases", id, Example("switchModelAliases", "set")));
            await driver.SucceedAsync(new Call("switchModelAliases", id, Example("switchModelAliases", "move")));
            await driver.FailAsync(
                409, 20013, new Call("switchModelAliases", id, Example("switchModelAliases", "move")));
            await driver.FailAsync(404, 20007, new Call("switchModelAliases", id, Json(
                """{ "aliases": [{ "alias": "champion", "version": "9.0.0" }] }""")));
            await driver.FailAsync(400, 20003, new Call("switchModelAliases", id, Json(
                """{ "aliases": [{ "alias": "1.0.0", "version": "1.0.0" }] }""")));
            var one = await driver.SucceedAsync(
                new Call("setModelAlias", id, Example("setModelAlias")) { Alias = "champion" });
            Assert.Equal("1.0.0", Text(one, "version"));
            var all = await driver.SucceedAsync(new Call("listModelAliases", id));
            Assert.Single(all["aliases"]!.AsArray());
            var infer = Example("inferModel", "tensors");
            infer["version"] = "champion";
            Assert.Equal("1.0.0", Text(await driver.SucceedAsync(new Call("inferModel", id, infer)), "version"));
            await driver.FailAsync(404, 20012, new Call("embedText", null, Json(
                """{ "text": "words", "model": "taishang-embed@champion" }""")));
            await driver.SucceedAsync(new Call("embedText", null, Json(
                """{ "text": "words", "model": "builtin/taishang-embed@1.0.0" }""")));
            await driver.FailAsync(409, 20013, new Call("deleteModelAlias", id)
            {
                Alias = "champion",
                Query = "expected_version=1.1.0",
            });
            await driver.SucceedAsync(new Call("deleteModelAlias", id) { Alias = "champion" });
            await driver.FailAsync(404, 20012, new Call("deleteModelAlias", id) { Alias = "champion" });
        }
    }
}
