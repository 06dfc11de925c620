using Taishang.ContractDiff;
using Taishang.ContractDiff.OpenApi;
using Taishang.ContractDiff.Protos;

const int Usage = 2;

if (args is not [var kind and ("openapi" or "proto"), var oldPath, var newPath])
{
    await Console.Error.WriteLineAsync("usage: contract-diff openapi OLD.yaml NEW.yaml | contract-diff proto OLD NEW");
    return Usage;
}

try
{
    var changes = kind == "openapi"
        ? OpenApiDiff.Compare(YamlFile.Read(oldPath), YamlFile.Read(newPath))
        : ProtoDiff.Compare(ProtoFolder.Read(oldPath), ProtoFolder.Read(newPath));
    foreach (var change in changes) Console.WriteLine($"breaking: {change}");
    Console.WriteLine($"{kind}: {changes.Count} breaking changes");
    return changes.Count == 0 ? 0 : 1;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
{
    await Console.Error.WriteLineAsync($"contract-diff: {e.Message}");
    return Usage;
}
