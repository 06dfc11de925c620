using System.Text.Json.Nodes;
using Taishang.ContractDiff;
using Taishang.ContractDiff.OpenApi;

namespace Taishang.System.Tests.Contract;

/// <summary>openapi/taishang.yaml as the tests ask it.</summary>
internal sealed class ContractFile
{
    private static readonly Lazy<ContractFile> Shared = new(() => new ContractFile());

    private readonly References _references;

    private ContractFile()
    {
        Root = FindRoot();
        File = YamlFile.Read(Path.Combine(Root, "openapi", "taishang.yaml"));
        _references = new References(File);
        Operations = [.. ReadOperations()];
    }

    public static ContractFile Open() => Shared.Value;

    /// <summary>Of the repository.</summary>
    public string Root { get; }

    public JsonObject File { get; }

    public IReadOnlyList<Operation> Operations { get; }

    public Operation this[string operationId] => Operations.Single(operation => operation.Id == operationId);

    public JsonObject Resolve(JsonNode? node) => _references.Resolve(node);

    /// <summary>The examples of a media type object by name; one without a name has the name <c>example</c>.</summary>
    public IEnumerable<(string Name, JsonNode Value)> Examples(JsonObject media)
    {
        if (media["example"] is { } single) yield return ("example", single);
        foreach (var (name, example) in media["examples"] as JsonObject ?? [])
            yield return (name, Resolve(example)["value"]!);
    }

    private IEnumerable<Operation> ReadOperations()
    {
        foreach (var (path, item) in File["paths"]!.AsObject())
        {
            foreach (var method in (string[])["get", "put", "post", "delete"])
            {
                if (item![method] is JsonObject operation)
                    yield return new Operation(this, path, method.ToUpperInvariant(), item.AsObject(), operation);
            }
        }
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (global::System.IO.File.Exists(Path.Combine(folder.FullName, "Taishang.slnx"))) return folder.FullName;
        }

        throw new InvalidOperationException("the tests do not run inside the repository");
    }
}

/// <summary>One operation of the contract.</summary>
internal sealed class Operation(
    ContractFile file, string path, string method, JsonObject pathItem, JsonObject operation)
{
    public string Id { get; } = (string?)operation["operationId"] ?? $"{method} {path}";

    public string Path { get; } = path;

    public string Method { get; } = method;

    public JsonObject Node { get; } = operation;

    public IEnumerable<JsonObject> Parameters =>
        (pathItem["parameters"] as JsonArray ?? []).Concat(Node["parameters"] as JsonArray ?? [])
        .Select(file.Resolve);

    /// <summary>The media type of the JSON body, null where the operation takes none.</summary>
    public JsonObject? Body =>
        Node["requestBody"] is { } body ? file.Resolve(body)["content"]!["application/json"]!.AsObject() : null;

    /// <summary>The example of the body with this name.</summary>
    public JsonNode Example(string name = "example") =>
        file.Examples(Body!).Single(example => example.Name == name).Value.DeepClone();

    public IReadOnlyDictionary<int, JsonObject> Answers => Node["responses"]!.AsObject()
        .ToDictionary(answer => int.Parse(answer.Key), answer => file.Resolve(answer.Value));

    public override string ToString() => Id;
}
