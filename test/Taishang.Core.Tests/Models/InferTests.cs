using System.Net;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Testing.Hosts;
using static Taishang.Core.Tests.Models.ModelWorld;

namespace Taishang.Core.Tests.Models;

public sealed class InferTests
{
    [Fact]
    public async Task Texts_come_back_classified_in_order()
    {
        var ai = new FakeAiClient().WithPassingModels().On(AiCalls.InferenceModel, request => new InferenceModelResponse
        {
            Tokens = 5,
            Classifications =
            {
                request.Text.Texts.Select(text => new Classification
                {
                    Labels = { new LabelScore { Label = text, Score = 0.5f } },
                }),
            },
        });
        await using var host = await CoreHost.StartAsync(new CoreHostOptions { Ai = ai });
        var id = await host.RegisterAsync();
        var answer = await host.Api.PostAsync($"{Root}/{id}/infer", """{"texts":["好","bad"]}""");
        Assert.Equal(
            """{"model":"builtin/notes","version":"1.0.0","classifications":[{"labels":[{"label":"好","score":0.5}]},"""
            + """{"labels":[{"label":"bad","score":0.5}]}],"usage":{"tokens":5},"served":"""
            + """{"target":"builtin/notes","model":"builtin/notes","version":"1.0.0","tries":1,"fallback":false,"""
            + "\"cached\":false}}",
            answer.Data.GetRawText());
    }

    [Fact]
    public async Task Tensors_of_every_type_go_and_come_back_whole()
    {
        var ai = new FakeAiClient().WithPassingModels().On(AiCalls.InferenceModel, request =>
            new InferenceModelResponse { Tensors = { request.Tensors.Tensors } });
        await using var host = await CoreHost.StartAsync(new CoreHostOptions { Ai = ai });
        var id = await host.RegisterAsync();
        const string Tensors =
            """[{"name":"f","type":"float32","shape":[1,2],"data":[0.5,-1]},"""
            + """{"name":"l","type":"int64","shape":[1],"data":[9007199254740993]},"""
            + """{"name":"i","type":"int32","shape":[],"data":[7]},"""
            + """{"name":"b","type":"bool","shape":[2],"data":[true,false]},"""
            + """{"name":"s","type":"string","shape":[0],"data":[]}]""";
        var answer = await host.Api.PostAsync($"{Root}/{id}/infer", $$"""{"tensors":{{Tensors}}}""");
        Assert.Equal(Tensors, answer["tensors"].GetRawText());
    }

    [Theory]
    [InlineData("{}", 10005, "body: expected exactly one of text, texts and tensors, came 0")]
    [InlineData("""{"text":"a","texts":["b"]}""", 10001, "body: expected exactly one")]
    [InlineData("""{"text":""}""", 10001, "text: expected 1 to 65536 characters, came 0")]
    [InlineData("""{"texts":[]}""", 10001, "texts: expected 1 to 10000, came 0")]
    [InlineData("""{"texts":["a",null]}""", 10004, "texts[1]: expected a string, came null")]
    [InlineData("""{"texts":["a",5]}""", 10004, "texts[1]: expected a string, came the number 5")]
    [InlineData("""{"tensors":[]}""", 10001, "tensors: expected 1 to 64, came 0")]
    [InlineData("""{"tensors":[{"name":"a","type":"float16","shape":[],"data":[1]}]}""", 10001, "tensors[0].type: ")]
    [InlineData("""{"tensors":[{"name":"a","type":"float32","shape":[2],"data":[1]}]}""", 10001,
        "tensors[0].data: expected 2 elements for the shape, came 1")]
    [InlineData("""{"tensors":[{"name":"a","type":"float32","shape":[-1],"data":[]}]}""", 10001, "tensors[0].shape: ")]
    [InlineData("""{"tensors":[{"name":"a","type":"float32","shape":[9999999,9999999],"data":[]}]}""", 10001,
        "tensors[0].shape: ")]
    [InlineData("""{"tensors":[{"name":"a","type":"float32","shape":[2],"data":[1,1e40]}]}""", 10004,
        "tensors[0].data[1]: expected a value of type float32")]
    [InlineData("""{"tensors":[{"name":"a","type":"int32","shape":[1],"data":[1.5]}]}""", 10004,
        "tensors[0].data[0]: expected a value of type int32")]
    [InlineData("""{"tensors":[{"name":"a","type":"int32","shape":[1],"data":5}]}""", 10004,
        "tensors[0].data: expected an array")]
    public async Task A_bad_input_names_the_field_and_does_not_reach_ai(string body, int code, string message)
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        var answer = await host.Api.PostAsync($"{Root}/{id}/infer", body);
        Assert.Equal((HttpStatusCode.BadRequest, code), (answer.Status, answer.Code));
        Assert.StartsWith(message, answer.Message, StringComparison.Ordinal);
        Assert.Empty(host.Ai.RequestsOf<InferenceModelRequest>());
    }

    [Fact]
    public async Task A_model_at_rest_is_not_called()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        await host.Api.PostAsync($"{Root}/{id}/deactivate");
        var answer = await host.Api.PostAsync($"{Root}/{id}/infer", """{"text":"a"}""");
        Assert.Equal((HttpStatusCode.Conflict, 20004), (answer.Status, answer.Code));
        Assert.Equal("the model builtin/notes is not active: deactivated", answer.Message);
    }
}
