using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Taishang.Ai.Inference;
using Taishang.Ai.Models;
using Taishang.Testing.Models;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Inference;

/// <summary>Files under a budget of memory, replaced under load, and kept to what was registered.</summary>
public sealed class OnnxModelsTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Files_unused_longest_make_room_when_the_memory_is_used_up()
    {
        using var world = new ModelsWorld(options => options.MaxModelMemoryBytes = 3 * FileBytes());
        foreach (string name in (string[])["a", "b", "c"])
        {
            world.AddModel(name, ModelsWorld.TokenModel());
            await world.EmbedAsync(name, "", "red");
        }
        Assert.Equal((3, 3 * FileBytes()), (world.Files.LoadedCount, world.Files.LoadedBytes));
        await world.EmbedAsync("a", "", "red");
        world.AddModel("d", ModelsWorld.TokenModel());
        await world.EmbedAsync("d", "", "red");
        Assert.Equal(3, world.Files.LoadedCount);
        await using FileStream held = File.Open(
            Path.Combine(world.Folder, "a", "model.onnx"), FileMode.Open, FileAccess.Read, FileShare.None);
        await world.EmbedAsync("a", "", "red"); // Still loaded, as nobody could read it now.
    }

    [Fact]
    public async Task A_file_that_would_never_fit_and_one_that_does_not_fit_beside_those_in_use_are_told_apart()
    {
        using var world = new ModelsWorld(options => options.MaxModelMemoryBytes = FileBytes());
        world.AddModel("a", ModelsWorld.TokenModel());
        world.AddModel("b", ModelsWorld.TokenModel());
        using (await world.AcquireFileAsync(ModelsWorld.Reference("a")))
        {
            ModelException busy = await world.FailsAsync("b");
            Assert.Equal((ModelErrorKind.Busy, true), (busy.Kind, busy.RetryAfter is not null));
        }
        Assert.Equal(1, (await world.EmbedAsync("b", "", "red")).Count);

        using var small = new ModelsWorld(options => options.MaxModelMemoryBytes = 16);
        small.AddModel("a", ModelsWorld.TokenModel());
        ModelException never = await small.FailsAsync("a");
        Assert.Equal(ModelErrorKind.LoadFailed, never.Kind);
        Assert.Contains("16 may be used", never.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_is_replaced_under_load_without_one_failed_call()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        using var stop = new CancellationTokenSource();
        int answered = 0;
        Task[] callers = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await world.EmbedAsync("tokens", """{"normalize":false}""", "red", "green blue");
                Interlocked.Increment(ref answered);
            }
        }))];
        float last = 0;
        for (int version = 1; version <= 8; version++)
        {
            Replace(world, "tokens", ModelsWorld.TokenModel(table: Scaled(version)));
            EmbeddingBatch batch = await world.EmbedAsync("tokens", """{"normalize":false}""", "red");
            Assert.NotEqual(last, batch.Values[2]);
            last = batch.Values[2];
            Assert.Equal(version, last, 1e-5f);
        }
        await stop.CancelAsync();
        await Task.WhenAll(callers).WaitAsync(Bound);
        Assert.True(answered > 0);
    }

    [Fact]
    public async Task A_file_that_is_put_down_anew_while_it_is_loaded_is_loaded_for_all_who_wait()
    {
        for (int round = 0; round < 40; round++)
        {
            using var world = new ModelsWorld();
            TinyOnnx content = ModelsWorld.TokenModel();
            world.AddModel("tokens", content);
            Action replace = Prepare(world, "tokens", content);
            Task<EmbeddingBatch>[] before = [.. Enumerable.Range(0, 2).Select(_ =>
                Task.Run(() => world.EmbedAsync("tokens", "{}", "red")))];
            // The same content at another time: whoever asks now shares the load that is under way.
            Assert.True(SpinWait.SpinUntil(() => world.Files.LoadedCount > 0, Bound));
            replace();
            Task<EmbeddingBatch> after = world.EmbedAsync("tokens", "{}", "red");
            foreach (Task<EmbeddingBatch> answer in before.Append(after)) Assert.Equal(1, (await answer).Count);
        }
    }

    [Fact]
    public async Task A_registered_content_is_served_while_it_is_loaded_and_never_mistaken_for_another()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        string path = Path.Combine(world.Folder, "tokens", "model.onnx");
        ModelReference first = Registered(path);
        Assert.Equal(1, (await world.Embedding.EmbedAsync(first, ["red"], default)).Batch.Count);

        Replace(world, "tokens", ModelsWorld.TokenModel(table: Scaled(2)));
        ModelReference second = Registered(path) with { Version = "2.0.0" };
        Assert.NotEqual(first.Checksum, second.Checksum);
        foreach ((ModelReference version, float expected) in ((ModelReference, float)[])[(first, 1), (second, 2)])
        {
            (_, EmbeddingBatch batch) = await world.Embedding.EmbedAsync(version, ["red"], default);
            Assert.Equal(expected, batch.Values[2], 1e-5f);
        }
        ModelTestReport report = await world.Embedding.TestAsync(first, default);
        Assert.Contains("is not the file that was registered", report.Reason, StringComparison.Ordinal);
        Assert.Contains(first.Checksum, report.Reason, StringComparison.Ordinal);
        Assert.True((await world.Embedding.TestAsync(second, default)).Passed);
    }

    [Fact]
    public async Task A_file_that_was_changed_under_its_registered_checksum_is_not_loaded()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        ModelReference registered = Registered(Path.Combine(world.Folder, "tokens", "model.onnx"));
        Replace(world, "tokens", ModelsWorld.TokenModel(table: Scaled(2)));
        ModelException refusal = await Assert.ThrowsAsync<ModelException>(
            async () => await world.Embedding.EmbedAsync(registered, ["red"], default));
        Assert.Equal(ModelErrorKind.LoadFailed, refusal.Kind);
        Assert.Contains("is not the file that was registered", refusal.Message, StringComparison.Ordinal);
        ModelException inference = await Assert.ThrowsAsync<ModelException>(
            () => world.Inference.ClassifyAsync(registered, ["red"], default));
        Assert.Equal(ModelErrorKind.LoadFailed, inference.Kind);
    }

    [Fact]
    public async Task One_content_is_loaded_once_with_and_without_its_checksum()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        await world.EmbedAsync("tokens", "", "red");
        await world.Embedding.EmbedAsync(
            Registered(Path.Combine(world.Folder, "tokens", "model.onnx")), ["red"], default);
        Assert.Equal(1, world.Files.LoadedCount);
    }

    [Fact]
    public async Task A_link_that_comes_in_the_way_after_a_model_was_loaded_is_refused_at_its_next_load()
    {
        string outside = Directory.CreateTempSubdirectory("taishang-outside-").FullName;
        try
        {
            using var world = new ModelsWorld(options => options.MaxModelMemoryBytes = FileBytes());
            world.AddModel("tokens", ModelsWorld.TokenModel());
            world.AddModel("other", ModelsWorld.TokenModel());
            string path = Path.Combine(world.Folder, "tokens", "model.onnx");
            ModelReference registered = Registered(path);
            await world.Embedding.EmbedAsync(registered, ["red"], default);
            await world.EmbedAsync("other", "", "red");
            string target = Path.Combine(outside, "model.onnx");
            File.Move(path, target);
            File.CreateSymbolicLink(path, target);
            ModelException refusal = await Assert.ThrowsAsync<ModelException>(
                async () => await world.Embedding.EmbedAsync(registered, ["red"], default));
            Assert.Equal(ModelErrorKind.PathEscape, refusal.Kind);
        }
        finally
        {
            Directory.Delete(outside, recursive: true);
        }
    }

    [Theory]
    [InlineData("weights.bin", "", true)]
    [InlineData("../../weights.bin", "", false)]
    [InlineData("/etc/hostname", "", false)]
    [InlineData("weights.bin", "../../weights.bin", false)]
    public async Task Weights_beside_a_model_are_read_and_those_outside_of_the_folder_are_not(
        string location, string link, bool passes)
    {
        using var outside = new TestFolder();
        using var world = new ModelsWorld(options => options.ModelsFolder = outside.File("models"));
        byte[] weights = MemoryMarshal.AsBytes<float>(ModelsWorld.Table).ToArray();
        await File.WriteAllBytesAsync(outside.File("weights.bin"), weights);
        string folder = Directory.CreateDirectory(Path.Combine(world.Options.ModelsFolder, "big")).FullName;
        if (link.Length > 0) File.CreateSymbolicLink(Path.Combine(folder, "weights.bin"), link);
        else await File.WriteAllBytesAsync(Path.Combine(folder, "weights.bin"), weights);
        await File.WriteAllBytesAsync(Path.Combine(folder, "model.onnx"), new TinyOnnx()
            .ExternalFloats("table", [weights.Length / sizeof(float) / ModelsWorld.Dimensions, ModelsWorld.Dimensions],
                location)
            .Input("ids", TinyOnnx.Int64, -1).Node("Gather", ["table", "ids"], "rows", "axis", 0)
            .Output("rows", TinyOnnx.Float, -1, ModelsWorld.Dimensions).ToBytes());
        if (passes)
        {
            using ModelLease<OnnxModel> lease = await world.AcquireFileAsync(ModelsWorld.Reference("big"));
            Assert.Equal(["rows"], lease.Value.Outputs.Select(output => output.Name));
            return;
        }
        ModelException refusal = await Assert.ThrowsAsync<ModelException>(
            () => world.AcquireFileAsync(ModelsWorld.Reference("big")));
        Assert.Contains(refusal.Kind, (ModelErrorKind[])[ModelErrorKind.LoadFailed, ModelErrorKind.PathEscape]);
    }

    private static long FileBytes() => ModelsWorld.TokenModel().ToBytes().Length;

    private static float[] Scaled(int factor) => [.. ModelsWorld.Table.Select(value => value * factor)];

    // As a careful deployment does it: written aside and moved in its place.
    private static void Replace(ModelsWorld world, string name, TinyOnnx model) => Prepare(world, name, model)();

    private static Action Prepare(ModelsWorld world, string name, TinyOnnx model)
    {
        string path = Path.Combine(world.Folder, name, "model.onnx");
        File.WriteAllBytes(path + ".new", model.ToBytes());
        File.SetLastWriteTimeUtc(path + ".new", File.GetLastWriteTimeUtc(path).AddSeconds(1));
        return () => File.Move(path + ".new", path, overwrite: true);
    }

    private static ModelReference Registered(string path)
    {
        string checksum = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
        return ModelsWorld.Reference("tokens", """{"normalize":false}""") with { Checksum = checksum };
    }
}
