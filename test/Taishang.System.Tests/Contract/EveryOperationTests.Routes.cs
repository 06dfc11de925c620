namespace Taishang.System.Tests.Contract;

public sealed partial class EveryOperationTests
{
    private sealed partial class Day
    {
        private async Task RoutesAsync()
        {
            var id = Text(await driver.SucceedAsync(new Call("createRoute", null, Example("createRoute"))), "id");
            await driver.FailAsync(409, 20021, new Call("createRoute", null, Example("createRoute")));
            await driver.FailAsync(404, 20001, new Call("createRoute", null, Json(
                """{ "name": "lost", "targets": [{ "model": "nobody" }] }""")));
            await driver.FailAsync(400, 20022, new Call("createRoute", null, Json(
                """{ "name": "9", "targets": [{ "model": "builtin/taishang-embed" }] }""")));
            await driver.SucceedAsync(new Call("listRoutes") { Query = "strategy=weighted&sort=name" });
            await driver.SucceedAsync(new Call("getRoute", "embed-main"));
            await driver.SucceedAsync(new Call("replaceRoute", id, Example("replaceRoute")));
            var embedded = await driver.SucceedAsync(
                new Call("embedThroughRoute", "embed-main", Example("embedThroughRoute")));
            Assert.Equal("embed-main", (string)embedded["served"]!["route"]!);
            await driver.FailAsync(422, 20025, new Call("embedThroughRoute", "embed-main", Json(
                """{ "text": "хороший день" }""")));
            await driver.FailAsync(502, 90012, new Call("embedThroughRoute", "embed-main", Json("""{ "text": "a" }"""))
            {
                Headers = new Dictionary<string, string> { ["X-Taishang-Drill"] = "*" },
            });
            await InferThroughRouteAsync();
            await OpenAiAsync();
            await ChatsAsync();
            await driver.SucceedAsync(new Call("deleteRoute", id));
            await driver.FailAsync(404, 20020, new Call("getRoute", id));
            await driver.FailAsync(404, 20020, new Call("chatThroughRoute", id, Example("chatThroughRoute")));
        }

        private async Task InferThroughRouteAsync()
        {
            var name = Text(Example("createModel", "onnx"), "name");
            await driver.SucceedAsync(new Call("createRoute", null, Json(
                $$"""{ "name": "tensors", "targets": [{ "model": "onnx/{{name}}" }] }""")));
            await driver.SucceedAsync(new Call("inferThroughRoute", "tensors", Example("inferModel", "tensors")));
            await driver.SucceedAsync(new Call("deleteRoute", "tensors"));
        }

        private async Task ChatsAsync()
        {
            await using var endpoint = await ChatEndpoint.StartAsync();
            await driver.SucceedAsync(new Call("createModel", null, Json(
                $$"""
                { "name": "talk", "provider": "openai", "version": "1.0.0", "endpoint": "{{endpoint.Endpoint}}",
                  "config": { "task": "chat" } }
                """)));
            await driver.SucceedAsync(new Call("createRoute", null, Json(
                """{ "name": "chat-main", "targets": [{ "model": "openai/talk" }] }""")));
            await driver.SucceedAsync(new Call("openAiChat", null, Example("openAiChat")));
            var answer = await driver.SucceedAsync(
                new Call("chatThroughRoute", "chat-main", Example("chatThroughRoute")));
            Assert.Equal("chat-main", (string)answer["served"]!["route"]!);
            var streamed = Example("openAiChat");
            streamed["stream"] = true;
            await driver.SucceedAsync(new Call("openAiChat", null, streamed));
            await driver.SucceedAsync(new Call("deleteRoute", "chat-main"));
        }

        private async Task OpenAiAsync()
        {
            await driver.SucceedAsync(new Call("openAiEmbeddings", null, Example("openAiEmbeddings")));
            var base64 = Example("openAiEmbeddings");
            (base64["encoding_format"], base64["model"]) = ("base64", "embed-main");
            await driver.SucceedAsync(new Call("openAiEmbeddings", null, base64));
            await driver.FailAsync(404, new Call("openAiEmbeddings", null, Json(
                """{ "model": "nobody", "input": "a" }""")));
            await driver.FailAsync(404, new Call("openAiChat", null, Json(
                """{ "model": "nobody", "messages": [{ "role": "user", "content": "hi" }] }""")));
            await driver.SucceedAsync(new Call("openAiListModels"));
            await driver.SucceedAsync(new Call("openAiGetModel", "embed-main"));
        }
    }
}
