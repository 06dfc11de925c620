using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Data;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Models;

/// <summary>Short words for what the tests of models do again and again.</summary>
internal static class ModelWorld
{
    public const string Root = "/api/taishang/models";

    public static async Task<string> RegisterAsync(this CoreHost host, string json)
    {
        var answer = await host.Api.PostAsync(Root, json);
        Assert.True(answer.Code == 0, answer.ToString());
        return answer.String("id");
    }

    public static Task<string> RegisterAsync(this CoreHost host) =>
        host.RegisterAsync("""{"name":"notes","provider":"builtin","version":"1.0.0"}""");

    public static async Task<JsonElement> ModelAsync(this CoreHost host, string id) =>
        (await host.Api.GetAsync($"{Root}/{id}")).Data;

    /// <summary>A collection's row that refers to the model, whatever the slice of collections thinks of it.</summary>
    public static Task UseAsync(this CoreHost host, string modelId) =>
        host.Services.GetRequiredService<Database>().WriteAsync(
            session => session.ExecuteAsync(
                """
                INSERT INTO tai_vector_collections (id, name, dims, index_type, model_id, created_at, updated_at)
                VALUES (@Id, 'user', 4, 'FLAT', @Id, @Now, @Now)
                """,
                new { Id = modelId, Now = new DateTimeOffset(2026, 11, 22, 8, 0, 0, TimeSpan.Zero) }),
            CancellationToken.None);

    public static Task UnuseAsync(this CoreHost host, string modelId) =>
        host.Services.GetRequiredService<Database>().WriteAsync(
            session => session.ExecuteAsync(
                "DELETE FROM tai_vector_collections WHERE model_id = @Id", new { Id = modelId }),
            CancellationToken.None);

    public static string Text(this JsonElement value, string name) => value.GetProperty(name).GetString()!;
}
